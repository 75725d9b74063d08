/** What one seed stands for: a file, a topology, faults of the API, and incidents in the order they happen. Pure. */
import { createRandom, type FaultRates } from '../../src/sandbox/faults.js';
import type { Kind } from '../helpers/world.js';

/** What happens to processes, Redis, the network, the disk and the clock; faults of single answers are the sandbox's. */
export const INCIDENTS = [
  'runner kill -9',
  'runner SIGTERM',
  'runner SIGSTOP 2 s',
  'runner SIGSTOP past its lease',
  'worker kill -9',
  'worker SIGTERM',
  'worker SIGSTOP past its lock',
  'trigger kill -9',
  'trigger SIGTERM',
  'trigger SIGSTOP past its lease',
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
  'report dir full',
  'report dir read-only',
  'report dir not a directory',
  'clock jumps ahead',
  'clock jumps back',
] as const;

export type IncidentName = (typeof INCIDENTS)[number];

export interface Incident {
  name: IncidentName;
  /** Happens once the API was asked for so many requests per row of the file; those of triggers, at once. */
  at: number;
  /** Of pauses, holes, outages and jumps; of triggers, since the file was there. */
  ms: number;
}

/** What adds the run: a person's `rowferry run`, `enqueue` for a service, the watched folder, a schedule. */
export type Via = 'run' | 'service' | 'folder' | 'schedule';

export interface ChaosPlan {
  seed: number;
  kind: Kind;
  rows: number;
  via: Via;
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

  /** Likewise, so that each doubling is as likely as any other. */
  doubling(least: number, most: number): number {
    return Math.round(least * (most / least) ** this.roll());
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
  /** Outages and holes of minutes instead of seconds. */
  long: boolean;
  /** Incidents that cannot be made on this machine. */
  without?: readonly IncidentName[];
}

/** Faults that make everybody, or a lane, wait: so many of a file at the most, or a seed does little but wait. */
const MOST_WAITS = 6;
const MOST_HANGS = 20;
const MOST_FAULTY_ROWS = 40;

export function planOf(seed: number, size: PlanSize): ChaosPlan {
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
  const via = dice.of<Via>(['run', 'run', 'run', 'service', 'service', 'folder', 'schedule']);
  const triggers = via === 'folder' || via === 'schedule'; // then trigger, runner and delivery are processes of their own
  const workers = triggers ? dice.of([1, 2]) : dice.of([0, 0, 1, 2]);
  const rows = dice.doubling(size.leastRows, size.mostRows);
  const fault = () => (dice.chance(0.5) ? dice.roll() * 0.02 : 0);
  const rare = (most: number) => (dice.chance(0.5) ? (dice.roll() * most) / rows : 0);
  const possible = INCIDENTS.filter(
    (name) =>
      (workers > 0 || !name.startsWith('worker')) &&
      (triggers || !name.startsWith('trigger')) &&
      (via !== 'folder' || !name.startsWith('report')) && // its reports are in its archive
      (redis === 'tcp' || !/^Redis (connections|black)/.test(name)) &&
      !size.without?.includes(name),
  );
  const names = Array.from({ length: dice.between(1, size.mostIncidents) }, () => dice.of(possible));
  if (triggers) names.push(dice.of(possible.filter((name) => name.startsWith('trigger'))));
  const incidents = names.map((name) => ({
    name,
    at: name.startsWith('trigger') ? 0 : dice.roll(),
    ms: lengthOf(name, dice, size.long),
  }));
  return {
    seed,
    kind,
    rows,
    via,
    workers,
    redis,
    fsync: dice.chance(0.5) ? 'always' : 'everysec',
    rate: dice.of(['none', 'none', '2000/s', '1000/s']),
    update: kind !== 'cendyn' && dice.chance(0.25),
    bulk: kind === 'sendmator' && dice.chance(0.2),
    latencyMs: dice.of([0, 2, 5, 10]),
    faults: {
      status500: fault(),
      html502: fault(),
      reset: fault(),
      drop: fault(),
      truncated: fault(),
      close: fault(),
      hang: rare(MOST_HANGS),
      throttle: rare(MOST_WAITS),
    },
    mix: {
      held: dice.roll() * 0.05,
      repeats: dice.roll() * 0.05,
      invalid: dice.roll() * 0.02,
      faulty: (dice.roll() * MOST_FAULTY_ROWS) / rows,
    },
    incidents: incidents.sort((one, other) => one.at - other.at),
  };
}

function lengthOf(name: IncidentName, dice: Dice, long: boolean): number {
  if (name.startsWith('clock')) return dice.of([30_000, 3_600_000]);
  const most = long && /outage|hole/.test(name) ? 180_000 : 3_000;
  return dice.between(300, most);
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
