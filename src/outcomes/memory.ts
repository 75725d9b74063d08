/**
 * An account's memory of delivered contacts: key of a contact → what was delivered under it, both hashed. It may claim
 * less than the destination holds, never more: a contact is forgotten before it is sent, and remembered when its
 * outcome is on disk.
 *
 * A record is twelve bytes: 46 bits tell the key (14 its bucket, 32 within it), 62 the content, two what is known. A
 * contact is taken for delivered only when each of its keys carries the hash of its content. For a changed contact
 * that happens with 2⁻⁶²: a billion changed contacts a year make 2·10⁻¹⁰ mistakes a year, the 3.65 million of one per
 * cent a day of a million contacts 8·10⁻¹³. Two keys with one hash (three pairs among ten million contacts with two
 * keys) write over each other: their contacts are sent again, which is no mistake.
 */
import { hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type Contact, type Identity, keysOf } from '../contact.js';
import type { Outcome } from '../outcome.js';
import { type MemoryKeys, memoryKeys } from '../redis/keys.js';
import { call } from '../redis/scripts.js';

/**
 * A run that has not shown itself for so long has nothing in flight any more: its workers stop within seconds of
 * their runner, and no request is waited for longer than ten minutes.
 */
const PRESENT_MS = 15 * 60_000;
/** Rows in one call of a script. */
const AT_ONCE = 250;
const BUCKETS = 1 << 14;

/** What a run takes for delivered: `skip`: also what the destination had before; `none`: nothing, it is sent. */
export type Accepts = 'skip' | 'update' | 'none';

/** `sent`: nothing like it is known, `changed`: the destination has a contact with one of its keys. */
export type Recalled = 'sent' | 'changed' | Outcome;

/** A row as the scripts take it, see memory.lua. */
export interface Trace {
  row: number;
  kinds: readonly ('email' | 'external_id')[];
  packed: Buffer;
}

/** What the memory sees of a row; undefined for a contact without keys. */
export function traceOf(row: number, contact: Contact, identity: Identity): Trace | undefined {
  const keys = keysOf(identity);
  if (keys.length === 0) return undefined;
  const packed = Buffer.alloc(HEAD + keys.length * KEY);
  packed.writeUInt32BE(row, 0);
  packed[4] = keys.length;
  packed.write(hash('sha256', stableJson(contact), 'binary'), 5, 8, 'latin1');
  packed[12]! &= 0b11111100;
  for (const [i, [kind, key]] of keys.entries()) {
    const at = HEAD + i * KEY;
    packed.write(hash('sha256', `${kind}:${key}`, 'binary'), at, 6, 'latin1');
    packed.writeUInt16BE(packed.readUInt16BE(at) % BUCKETS, at);
    if (packed.readUInt32BE(at + 2) === 0) packed[at + 5] = 1; // zeros are a free record
    packed[at + 6] = NOTHING;
  }
  return { row, kinds: keys.map(([kind]) => (kind === 'e' ? 'email' : 'external_id')), packed };
}

const HEAD = 13;
const KEY = 7;
const NOTHING = 255;
const HELD = 3;
const HAD_THIS_KEY = 1;
const HAD_ANOTHER_KEY = 0;

/** What an outcome says about the contact's key of this kind. */
function known({ status, reason, duplicateOf }: Outcome, kind: Trace['kinds'][number]): number {
  if (status === 'created' || status === 'updated') return HELD;
  if (status !== 'skipped' || duplicateOf !== 'destination') return NOTHING;
  return reason === `duplicate_${kind}` ? HAD_THIS_KEY : HAD_ANOTHER_KEY;
}

/** JSON with the fields of every object in one order: an export may have its columns in another one tomorrow. */
function stableJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(stableJson).join(',')}]`;
  const object = value as Record<string, unknown>;
  const fields = Object.keys(object).sort();
  return `{${fields.map((name) => `${JSON.stringify(name)}:${stableJson(object[name])}`).join(',')}}`;
}

export class Memory {
  private readonly keys: MemoryKeys;

  constructor(
    private readonly redis: Redis,
    prefix: string,
    account: string,
    private readonly run: string,
  ) {
    this.keys = memoryKeys(prefix, account);
  }

  /**
   * The run comes, or shows that it is still there: within {@link PRESENT_MS}. `known`: what it was told last. Resolves
   * with the memory's generation; undefined: there is none, and none is made (`makes`). `durable`: this server, once
   * restarted, is no older than it was.
   */
  async enter(
    makes: boolean,
    durable: boolean,
    known?: { generation: string | undefined },
  ): Promise<string | undefined> {
    const generation = (await call(
      this.redis,
      'memory_enter',
      this.keys.about,
      this.keys.runs,
      this.keys.underway,
      this.run,
      PRESENT_MS,
      makes ? 1 : 0,
      durable ? 1 : 0,
      known === undefined ? '' : (known.generation ?? '-'),
      PRESENT_MS,
    )) as string;
    return generation === '' ? undefined : generation;
  }

  /** The run is through: none of its rows is under way. */
  async leave(): Promise<void> {
    await call(this.redis, 'memory_leave', this.keys.runs, this.keys.underway, this.run);
  }

  /**
   * What is to be done with rows, in their order: those that are not delivered are forgotten and noted as under way.
   * `moves`: a row may give one of its keys to the contact that has the other. `lost`: enter again.
   */
  async recall(
    generation: string,
    accepts: Accepts,
    moves: boolean,
    traces: readonly Trace[],
  ): Promise<Recalled[] | 'lost'> {
    const all: Recalled[] = [];
    for (let i = 0; i < traces.length; i += AT_ONCE) {
      const part = traces.slice(i, i + AT_ONCE);
      const letters = (await call(
        this.redis,
        'memory_recall',
        this.keys.about,
        this.keys.runs,
        this.keys.underway,
        generation,
        this.run,
        accepts,
        moves ? 1 : 0,
        Buffer.concat(part.map(({ packed }) => packed)),
      )) as string;
      if (letters === 'lost') return 'lost';
      all.push(...part.map((trace, n) => recalled(trace, letters[n]!)));
    }
    return all;
  }

  /** Rows are settled, and that is on disk. False: the memory is not the one they were noted in. */
  async remember(generation: string, rows: readonly { trace: Trace; outcome: Outcome }[]): Promise<boolean> {
    for (let i = 0; i < rows.length; i += AT_ONCE) {
      const part = rows.slice(i, i + AT_ONCE).map(({ trace, outcome }) => {
        const packed = Buffer.from(trace.packed);
        for (const [n, kind] of trace.kinds.entries()) packed[HEAD + n * KEY + 6] = known(outcome, kind);
        return packed;
      });
      const { about, underway } = this.keys;
      const packed = Buffer.concat(part);
      const reply = await call(this.redis, 'memory_remember', about, underway, generation, this.run, packed);
      if (reply === 'lost') return false;
    }
    return true;
  }
}

/** A contact that the destination had before carries the keys it had it by, as its repeats in the file must know. */
function recalled({ row, kinds }: Trace, letter: string): Recalled {
  if (letter === '0') return 'sent';
  if (letter === '1') return 'changed';
  const outcome: Outcome = { row, status: 'skipped', reason: 'already_synced' };
  if (letter === '3') return outcome;
  const by = kinds.filter((_, i) => (Number(letter) - 4) & (1 << i));
  return { ...outcome, duplicateOf: 'destination', ...(by[0] === undefined ? {} : { field: by[0] }) };
}
