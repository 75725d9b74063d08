/** The one way to describe a measurement: a question, cases that are measured in turns, and columns that show them. */
import { median } from './table.js';

/** What one measurement of a case found; undefined where this machine cannot tell. */
export type Figures = Readonly<Record<string, number | undefined>>;

export interface Column {
  key: string;
  title: string;
  /** After the decimal point; default 0, with thousands apart. */
  digits?: number;
  /** Shows the least and the most beside the median. */
  spread?: true;
  /** Adds the ratio to the case's `base`: the median of the rounds' own ratios. */
  ratio?: true;
}

export interface Case {
  title: string;
  /** Title of the case that ratios are to; none: this one has no ratio. */
  base?: string;
  measure(): Promise<Figures>;
}

export interface Opened {
  /** Sizes and circumstances, in a few words. */
  about: string;
  cases: readonly Case[];
  /** For what says all in one go: no more rounds than these. */
  mostRounds?: number;
  close?(): Promise<void>;
}

export interface Scenario {
  name: string;
  question: string;
  columns: readonly Column[];
  open(bench: Bench): Promise<Opened>;
  /** What follows from the figures, a sentence each. */
  conclude?(result: Result): string[];
}

/** What a scenario needs cannot be had here; it is left out, and that is no failure. */
export class Unavailable extends Error {}

export interface Bench {
  /** For files that live as long as the benchmark. */
  dir: string;
  quick: boolean;
  /** `--rows`, or how many a full or a quick measurement has. */
  rows(full: number, quick: number): number;
  /** Path of a CSV of so many rows, the same content each time. */
  csv(rows: number): Promise<string>;
  say(line: string): void;
}

export class Result {
  constructor(
    readonly scenario: Scenario,
    readonly about: string,
    readonly cases: readonly Case[],
    private readonly rounds: readonly ReadonlyMap<string, Figures>[],
  ) {}

  /** Of every round that could tell. */
  values(title: string, key: string): number[] {
    return this.rounds.map((round) => round.get(title)?.[key]).filter((value) => value !== undefined);
  }

  median(title: string, key: string): number {
    return median(this.values(title, key));
  }

  /** Rounds are compared with themselves, so that a machine that is slow for a while does not bend the ratio. */
  ratio(title: string, base: string, key: string): number {
    const ratios = this.rounds.map(
      (round) => (round.get(title)?.[key] ?? NaN) / (round.get(base)?.[key] ?? NaN),
    );
    return median(ratios.filter((ratio) => !Number.isNaN(ratio)));
  }

  toJSON() {
    const { name, question, columns, conclude } = this.scenario;
    const figuresOf = ({ title, base }: Case) =>
      columns.map(({ key, ratio }) => {
        const values = this.values(title, key);
        const ratioToBase = ratio && base !== undefined ? this.ratio(title, base, key) : undefined;
        const spread = { median: median(values), min: Math.min(...values), max: Math.max(...values) };
        return [key, { ...spread, values, ...(ratioToBase !== undefined && { ratio: ratioToBase, base }) }];
      });
    return {
      name,
      question,
      about: this.about,
      cases: this.cases.map((one) => ({ title: one.title, ...Object.fromEntries(figuresOf(one)) })),
      conclusions: conclude?.(this) ?? [],
    };
  }
}

/** Measures the cases in turns (A B C, B C A, …), so that what disturbs for a while disturbs them alike. */
export async function measure(scenario: Scenario, bench: Bench, rounds: number): Promise<Result> {
  const { about, cases, mostRounds = rounds, close } = await scenario.open(bench);
  try {
    const found: Map<string, Figures>[] = [];
    const many = Math.min(rounds, mostRounds);
    for (let round = 0; round < many; round++) {
      const figures = new Map<string, Figures>();
      for (let i = 0; i < cases.length; i++) {
        const { title, measure: once } = cases[(round + i) % cases.length]!;
        bench.say(`${scenario.name} ${round + 1}/${many}: ${title}`);
        figures.set(title, await once());
      }
      found.push(figures);
    }
    return new Result(scenario, about, cases, found);
  } finally {
    await close?.();
  }
}
