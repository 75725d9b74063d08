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
  return { redis, prefix, clock: systemClock, durable: async () => durable, log: pino({ level: 'silent' }) };
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

  async begin(onDuplicate: OnDuplicate, incremental: boolean): Promise<Run> {
    if (this.runs.length >= 3) return this.runs[0]!;
    const plan = planOf(++this.begun, onDuplicate, incremental);
    const memory = await Remembering.begin(around(this.redis, this.prefix, this.durable), plan, account);
    const run: Run = { plan, memory, rows: [], lives: true, unverified: false };
    this.runs.push(run);
    return run;
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
    if (synced === undefined || synced === 'changed') run.rows.push(row);
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

  /** What a server that is not durable would come back with. */
  async save(): Promise<void> {
    this.backup = new Map();
    for (const key of await this.redis.keys(`${memoryKeys(this.prefix, account.id).about}*`)) {
      this.backup.set(key, (await this.redis.dumpBuffer(key))!);
    }
  }

  async restart(): Promise<void> {
    const { about } = memoryKeys(this.prefix, account.id);
    if (this.backup && !this.durable) {
      const keys = await this.redis.keys(`${about}*`);
      if (keys.length > 0) await this.redis.del(keys);
      for (const [key, value] of this.backup) await this.redis.call('RESTORE', key, 0, value); // redis.restore is a script of ours
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
      { weight: 2 * restarts, arbitrary: fc.tuple(fc.constant('save' as const), n, n) },
    ),
    { minLength: 40, maxLength: 150 },
  );
type Step = ReturnType<typeof steps> extends fc.Arbitrary<(infer T)[]> ? T : never;

async function play(world: World, steps: readonly Step[]): Promise<void> {
  for (const [what, a, b] of steps) {
    if (what === 'begin') await world.begin(a > 0 ? 'update' : 'skip', b > 0);
    else if (what === 'restart' || what === 'save') await world[what]();
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
  expect(await check(true, 0, 200)).toBeGreaterThan(100); // or nothing was tested
});

test('a durable server that is restarted has forgotten nothing', async () => {
  expect(await check(true, 1, 60)).toBeGreaterThan(5);
});

test('a server that comes back older has forgotten everything', async () => {
  expect(await check(false, 1, 60)).toBeGreaterThan(5);
});

const ann: Person = { email: 'a@example.com', external_id: '1', first_name: 'Ann' };
const bob: Person = { ...ann, first_name: 'Bob' };

function open(durable = true): World {
  const { redis, prefix } = openTestRedis();
  return new World(redis, prefix, durable);
}

/** Whether the contact, delivered by a run, is left out by the next. */
async function remembered(world: World, contact: Person, onDuplicate: OnDuplicate = 'update') {
  const before = world.synced;
  const run = await world.begin(onDuplicate, true);
  await world.deliver(run, contact);
  await world.end(run);
  return world.synced > before;
}

test('a contact is left out by the next run, and sent again when it has changed, and back', async () => {
  const world = open();
  expect(await remembered(world, ann)).toBe(false);
  expect(await remembered(world, ann)).toBe(true);
  expect(await remembered(world, bob)).toBe(false);
  expect(await remembered(world, ann)).toBe(false);
  expect(await remembered(world, ann)).toBe(true);
  expect(world.api.holds(ann)).toBe(true);
});

test('what the API had before satisfies a run that skips, not one that updates', async () => {
  const world = open();
  world.api.take(bob, 'skip');
  expect(await remembered(world, ann, 'skip')).toBe(false);
  expect(await remembered(world, ann, 'skip')).toBe(true);
  expect(await remembered(world, ann, 'update')).toBe(false);
  expect(await remembered(world, ann, 'update')).toBe(true);
});

test('two runs with one contact under way: nobody knows whose request comes last', async () => {
  const world = open();
  const [slow, quick] = [await world.begin('update', true), await world.begin('update', true)];
  await world.read(slow, ann);
  await world.step(slow, 0);
  await world.deliver(quick, bob); // while the other is in flight
  await world.step(slow, 0);
  await world.step(slow, 0);
  expect(world.api.holds(ann)).toBe(true);
  await world.end(slow);
  await world.end(quick);
  expect(await remembered(world, bob)).toBe(false);
  expect(await remembered(world, bob)).toBe(true);
});

test('a run that came before there was a memory keeps it from learning as long as it lasts', async () => {
  const world = open();
  const plain = await world.begin('update', false);
  await world.read(plain, ann);
  await world.step(plain, 0);
  expect(await remembered(world, bob)).toBe(false);
  await world.step(plain, 0);
  await world.step(plain, 0);
  expect(world.api.holds(ann)).toBe(true);
  await world.end(plain);
  expect(await remembered(world, bob)).toBe(false);
  expect(await remembered(world, bob)).toBe(true);
});

test('a plain run on an account with a memory sends everything and leaves the memory right', async () => {
  const world = open();
  await remembered(world, ann);
  const plain = await world.begin('update', false);
  await world.deliver(plain, ann);
  await world.deliver(plain, bob);
  await world.end(plain);
  expect(world.synced).toBe(0);
  expect(await remembered(world, bob)).toBe(true);
  expect(await remembered(world, ann)).toBe(false);
});

test('an e-mail address that an update has given away: a row with that address alone is sent', async () => {
  const world = open();
  await remembered(world, ann, 'skip');
  const alone: Person = { email: ann.email, first_name: 'Cid' };
  await remembered(world, alone);
  expect(await remembered(world, alone)).toBe(true);
  await remembered(world, { ...ann, email: 'new@example.com' }); // found by its external_id
  expect(world.api.contacts).toHaveLength(1);
  expect(await remembered(world, alone)).toBe(false);
  expect(world.api.holds(alone)).toBe(true);
});

test('a server that comes back with what was true before is not believed', async () => {
  const world = open(false);
  await remembered(world, ann);
  await world.save();
  await remembered(world, bob);
  await world.restart();
  expect(await remembered(world, ann)).toBe(false);
  expect(world.api.holds(ann)).toBe(true);
});

test('a durable server is believed after a restart', async () => {
  const world = open(true);
  await remembered(world, ann);
  await world.restart();
  expect(await remembered(world, ann)).toBe(true);
});

test('Redis is emptied in the middle of a run: what is under way is noted anew', async () => {
  const world = open();
  const run = await world.begin('update', true);
  await world.read(run, ann);
  await world.redis.del(await world.redis.keys(`${world.prefix}:*`));
  run.unverified = true;
  await world.restore(run);
  const other = await world.begin('update', true);
  await world.deliver(other, bob);
  for (let i = 0; i < 3; i++) await world.step(run, 0);
  expect(world.api.holds(ann)).toBe(true);
  expect(await remembered(world, bob)).toBe(false);
});
