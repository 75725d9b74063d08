/** What one seed stands for: a file, a topology, faults of the API, and incidents in the order they happen. Pure. */
import { createRandom, type FaultRates } from '../../src/sandbox/faults.js';
import type { Kind } from '../helpers/world.js';

/** What happens to processes, Redis, the network and the disk; faults of single answers are the sandbox's. */
export const INCIDENTS = [
  'runner kill -9',
  'runner SIGTERM',
  'runner SIGSTOP 2 s',
  'runner SIGSTOP past its lease',
  'worker kill -9',
  'worker SIGTERM',
  'worker SIGSTOP past its lock',
  'everything kill -9',
  'Redis kill -9',
  'Redis SIGSTOP 2 s',
  'Redis SIGSTOP past the locks',
  'Redis connections cut',
  'Redis black hole',
  'API outage',
  'API connections cut',
  'API black hole',
  'journal torn while nobody works',
] as const;

export type IncidentName = (typeof INCIDENTS)[number];

export interface Incident {
  name: IncidentName;
  /** Happens once the API was asked for so many requests per row of the file. */
  at: number;
  /** Of pauses, holes and outages. */
  ms: number;
}

export interface ChaosPlan {
  seed: number;
  kind: Kind;
  rows: number;
  /** `run`: runner and delivery in one process of a person's; `service`: enqueued for `start`. */
  via: 'run' | 'service';
  /** Further delivery processes. */
  workers: number;
  /** `private`: started by rowferry; `tcp`: somebody's server, reached through a proxy that can be cut. */
  redis: 'private' | 'tcp';
  /** Of the server behind the proxy. */
  fsync: 'always' | 'everysec';
  rate: string;
  update: boolean;
  bulk: boolean;
  latencyMs: number;
  faults: FaultRates;
  /** Shares of the rows. */
  mix: { held: number; repeats: number; invalid: number; faulty: number };
  incidents: Incident[];
}

/** Draws from one seeded sequence. */
export class Dice {
  readonly roll: () => number;

  constructor(seed: number) {
    this.roll = createRandom(seed);
    for (let i = 0; i < 8; i++) this.roll(); // neighbouring seeds begin alike
  }

  chance(share: number): boolean {
    return this.roll() < share;
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.roll() * (most - least + 1));
  }

  of<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.roll() * choices.length)]!;
  }
}

export interface PlanSize {
  leastRows: number;
  mostRows: number;
  /** Incidents of one seed at the most. */
  mostIncidents: number;
}

export function planOf(seed: number, { leastRows, mostRows, mostIncidents }: PlanSize): ChaosPlan {
  const dice = new Dice(seed);
  const kind = dice.of<Kind>([
    'sendmator',
    'sendmator',
    'sendmator',
    'autosend',
    'autosend',
    'cendyn',
    'clemta',
  ]);
  const redis = dice.chance(0.5) ? 'tcp' : 'private';
  const workers = dice.of([0, 0, 1, 2]);
  const fault = () => (dice.chance(0.5) ? dice.roll() * 0.02 : 0);
  const possible = INCIDENTS.filter(
    (name) =>
      (workers > 0 || !name.startsWith('worker')) &&
      (redis === 'tcp' || !/^Redis (connections|black)/.test(name)),
  );
  const incidents = Array.from({ length: dice.between(1, mostIncidents) }, () => ({
    name: dice.of(possible),
    at: dice.roll(),
    ms: dice.between(300, 3_000),
  }));
  return {
    seed,
    kind,
    rows: dice.between(leastRows, mostRows),
    via: dice.chance(0.4) ? 'service' : 'run',
    workers,
    redis,
    fsync: dice.chance(0.5) ? 'always' : 'everysec',
    rate: dice.of(['none', 'none', '2000/s', '700/s']),
    update: kind !== 'cendyn' && dice.chance(0.25),
    bulk: kind === 'sendmator' && dice.chance(0.2),
    latencyMs: dice.of([0, 2, 5, 10]),
    faults: {
      status500: fault(),
      html502: fault(),
      reset: fault(),
      drop: fault(),
      truncated: fault(),
      hang: fault() / 8,
      throttle: dice.chance(0.2) ? fault() / 4 : 0,
    },
    mix: {
      held: dice.roll() * 0.05,
      repeats: dice.roll() * 0.05,
      invalid: dice.roll() * 0.02,
      faulty: dice.roll() * 0.02,
    },
    incidents: incidents.sort((one, other) => one.at - other.at),
  };
}

/** One line for the log of the campaign. */
export function describePlan(plan: ChaosPlan): string {
  const { seed, kind, rows, via, workers, redis, rate, update, bulk, incidents } = plan;
  const how = [
    via,
    `${workers} workers`,
    `redis ${redis}`,
    rate,
    ...(update ? ['update'] : []),
    ...(bulk ? ['bulk'] : []),
  ];
  const what = incidents.map(({ name, at }) => `${name} at ${Math.round(at * 100)} %`).join(', ');
  return `seed ${seed}: ${rows} rows to ${kind} (${how.join(', ')}): ${what}`;
}
