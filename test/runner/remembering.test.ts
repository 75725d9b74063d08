import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import type { Account } from '../../src/destinations/registry.js';
import { sendmator } from '../../src/destinations/sendmator.js';
import { type EncodedOutcome, encodeOutcome, type Outcome } from '../../src/outcome.js';
import { memoryKeys } from '../../src/redis/keys.js';
import type { OnDuplicate, RunPlan } from '../../src/run.js';
import { Remembering } from '../../src/runner/remembering.js';
import { openTestRedis } from '../helpers/redis.js';

type Person = { email: string; external_id?: string; first_name: string };

/** An API that keeps both keys unique, as Sendmator does: an update found by one key may change the other. */
class Api {
  readonly contacts: Person[] = [];

  take(contact: Person, onDuplicate: OnDuplicate): Partial<Outcome> {
    const held = (key: 'email' | 'external_id') =>
      this.contacts.find((other) => contact[key] !== undefined && other[key] === contact[key]);
    const [byEmail, byId] = [held('email'), held('external_id')];
    const found = byEmail ?? byId;
    if (found === undefined) {
      this.contacts.push({ ...contact });
      return { status: 'created' };
    }
    const reason = byEmail ? 'duplicate_email' : 'duplicate_external_id';
    const skipped = { status: 'skipped', reason, duplicateOf: 'destination' } as const;
    if (onDuplicate === 'skip') return skipped;
    if (byEmail && byId && byEmail !== byId) return { ...skipped, reason: 'duplicate_external_id' };
    Object.assign(found, contact);
    return { status: 'updated' };
  }

  holds(contact: Person): boolean {
    return this.contacts.some((held) =>
      Object.entries(contact).every(([field, value]) => held[field as keyof Person] === value),
    );
  }

  has(key: string, contact: Person): boolean {
    const of = (one: Person) => one[key as keyof Person];
    return this.contacts.some((held) => of(held) !== undefined && of(held) === of(contact));
  }
}

/** A row on its way: put into a batch, sent, answered (settled and journaled, or about to be). */
interface Row {
  row: number;
  contact: Person;
  at: 'queued' | 'in flight' | 'answered';
  outcome?: Outcome;
}

interface Run {
  plan: RunPlan;
  memory: Remembering;
  rows: Row[];
  lives: boolean;
  /** Redis was restarted, and the run has not been restored yet: its workers send nothing. */
  unverified: boolean;
}

const account = { id: 'sendmator-0123456789ab', destination: sendmator } as unknown as Account;

function around(redis: Redis, prefix: string, durable: boolean) {
  return { redis, prefix, clock: systemClock, durable, log: pino({ level: 'silent' }) };
}

function planOf(n: number, onDuplicate: OnDuplicate, incremental: boolean): RunPlan {
  return { run: `20260101-000000-${String(n).padStart(6, '0')}`, onDuplicate, incremental } as RunPlan;
}

const encoded = (outcome: Outcome) => JSON.parse(encodeOutcome(outcome)) as EncodedOutcome;

class World {
  readonly api = new Api();
  readonly runs: Run[] = [];
  synced = 0;
  readonly delivered: Person[] = [];
  private begun = 0;
  private rows = 0;
  private backup: Map<string, Buffer> | undefined;

  constructor(
    readonly redis: Redis,
    readonly prefix: string,
    readonly durable: boolean,
  ) {}

  async begin(onDuplicate: OnDuplicate, incremental: boolean): Promise<void> {
    if (this.runs.length >= 3) return;
    const plan = planOf(++this.begun, onDuplicate, incremental);
    const memory = await Remembering.begin(around(this.redis, this.prefix, this.durable), plan, account);
    this.runs.push({ plan, memory, rows: [], lives: true, unverified: false });
  }

  /** The runner comes to a row. What it takes for delivered must be. */
  async read(run: Run, contact: Person): Promise<void> {
    // Rows that repeat one that is under way wait for it.
    if (!run.lives || run.unverified) return;
    const repeats = run.rows.some(
      (row) =>
        row.contact.email === contact.email ||
        (contact.external_id !== undefined && row.contact.external_id === contact.external_id),
    );
    if (repeats) return;
    const row: Row = { row: ++this.rows, contact, at: 'queued' };
    const recalled = await run.memory.recall([row]);
    const synced = recalled.get(row.row);
    if (synced === undefined) run.rows.push(row);
    else {
      this.synced++;
      expect(run.plan.incremental).toBe(true);
      if (synced.duplicateOf === undefined) {
        expect(this.api.holds(contact), `held: ${JSON.stringify(contact)}`).toBe(true);
      } else {
        expect(run.plan.onDuplicate).toBe('skip');
        expect(this.api.has(synced.field ?? 'email', contact), JSON.stringify(contact)).toBe(true);
      }
    }
  }

  /** One of the run's rows goes a step further. */
  async step(run: Run, which: number): Promise<void> {
    const row = run.rows[which % Math.max(1, run.rows.length)];
    if (row === undefined) return;
    if (row.at === 'queued') {
      if (run.lives && !run.unverified) row.at = 'in flight';
    } else if (row.at === 'in flight') {
      row.at = 'answered';
      row.outcome = { row: row.row, ...this.api.take(row.contact, run.plan.onDuplicate) } as Outcome;
    } else if (run.lives) {
      run.rows = run.rows.filter((other) => other !== row);
      await run.memory.remember([encoded(row.outcome!)]);
    }
  }

  /** A row goes all its way while nothing else happens. */
  async deliver(run: Run, contact: Person): Promise<void> {
    this.delivered.push(contact);
    const before = run.rows.length;
    await this.read(run, contact);
    for (let i = 0; i < 3 && run.rows.length > before; i++) await this.step(run, before);
  }

  /** What was delivered a while ago comes again. */
  async again(run: Run, back: number): Promise<void> {
    const contact = this.delivered.at(-1 - back);
    if (contact) await this.read(run, contact);
  }

  /** kill -9, of runner and workers. What was in flight may land until it is resumed. */
  crash(run: Run): void {
    run.lives = false;
  }

  async resume(run: Run): Promise<void> {
    if (run.lives) return;
    const { plan } = run;
    run.memory = await Remembering.begin(around(this.redis, this.prefix, this.durable), plan, account);
    run.lives = true;
    run.unverified = false;
    for (const row of run.rows) row.at = 'queued';
    await run.memory.claim(run.rows);
  }

  async end(run: Run): Promise<void> {
    if (!run.lives || run.rows.length > 0) return;
    await run.memory.leave();
    this.runs.splice(this.runs.indexOf(run), 1);
  }

  /** Redis comes back as it was at the last call, or as it is. */
  async restart(): Promise<void> {
    const { about } = memoryKeys(this.prefix, account.id);
    if (this.backup && !this.durable) {
      const keys = await this.redis.keys(`${about}*`);
      if (keys.length > 0) await this.redis.del(keys);
      for (const [key, value] of this.backup) await this.redis.call('RESTORE', key, 0, value); // redis.restore is a script of ours
    }
    this.backup = new Map();
    for (const key of await this.redis.keys(`${about}*`)) {
      this.backup.set(key, (await this.redis.dumpBuffer(key))!);
    }
    if (await this.redis.exists(about)) await this.redis.hset(about, 'server', 'another');
    for (const run of this.runs) run.unverified = true;
  }

  async restore(run: Run): Promise<void> {
    if (!run.lives || !run.unverified) return;
    await run.memory.renew();
    run.unverified = false;
  }
}

const contact = fc.record(
  {
    email: fc.constantFrom('a@example.com', 'b@example.com', 'c@example.com'),
    external_id: fc.constantFrom('1', '2', '3'),
    first_name: fc.constantFrom('Ann', 'Bob'),
  },
  { requiredKeys: ['email', 'first_name'] },
) as fc.Arbitrary<Person>;
const n = fc.nat(5);
const steps = (restarts: number) =>
  fc.array(
    fc.oneof(
      { weight: 2, arbitrary: fc.tuple(fc.constant('begin' as const), fc.nat(2), fc.nat(19)) },
      { weight: 20, arbitrary: fc.tuple(fc.constant('deliver' as const), n, contact) },
      { weight: 10, arbitrary: fc.tuple(fc.constant('read' as const), n, contact) },
      { weight: 20, arbitrary: fc.tuple(fc.constant('again' as const), n, n) },
      { weight: 20, arbitrary: fc.tuple(fc.constant('step' as const), n, n) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('crash' as const), n, n) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('resume' as const), n, n) },
      { weight: 3, arbitrary: fc.tuple(fc.constant('end' as const), n, n) },
      { weight: 2 * restarts, arbitrary: fc.tuple(fc.constant('restore' as const), n, n) },
      { weight: restarts, arbitrary: fc.tuple(fc.constant('restart' as const), n, n) },
    ),
    { minLength: 40, maxLength: 150 },
  );
type Step = ReturnType<typeof steps> extends fc.Arbitrary<(infer T)[]> ? T : never;

async function play(world: World, steps: readonly Step[]): Promise<void> {
  for (const [what, a, b] of steps) {
    if (what === 'begin') await world.begin(a > 0 ? 'update' : 'skip', b > 0);
    else if (what === 'restart') await world.restart();
    else {
      const run = world.runs[a % Math.max(1, world.runs.length)];
      if (run === undefined) continue;
      if (what === 'read' || what === 'deliver') await world[what](run, b);
      else if (what === 'step' || what === 'again') await world[what](run, b);
      else if (what === 'crash') world.crash(run);
      else await world[what](run);
    }
  }
}

/** How many rows were taken for delivered; of every one it was checked. */
async function check(durable: boolean, restarts: number, times: number): Promise<number> {
  const { redis, prefix } = openTestRedis();
  let worlds = 0;
  let synced = 0;
  await fc.assert(
    fc.asyncProperty(steps(restarts), async (steps) => {
      const world = new World(redis, `${prefix}-${++worlds}`, durable);
      await play(world, steps);
      synced += world.synced;
      const keys = await redis.keys(`${world.prefix}:*`);
      if (keys.length > 0) await redis.del(keys);
    }),
    { numRuns: times },
  );
  return synced;
}

test('whatever runs do at once, and wherever they die: what is taken for delivered is there', async () => {
  expect(await check(true, 0, 300)).toBeGreaterThan(100); // or nothing was tested
});

test('a durable server that is restarted has forgotten nothing', async () => {
  expect(await check(true, 1, 100)).toBeGreaterThan(20);
});

test('a server that comes back older has forgotten everything', async () => {
  expect(await check(false, 1, 200)).toBeGreaterThan(20);
});
