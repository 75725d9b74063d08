/** The file of one seed, and what the API holds of it beforehand. */
import type { Row } from '../helpers/csv.js';
import type { Kind } from '../helpers/world.js';
import { type ChaosPlan, Dice } from './plan.js';

/** Addresses the sandbox answers in a special way. Those that hang, or always fail, cost a seed the most time: few of them. */
const FAULTY = [
  'throttle-once',
  'throttle-date',
  'throttle-body',
  'throttle-silent',
  'throttle-reset',
  'throttle-draft',
  'throttle-structured',
  'throttle-milliseconds',
  'throttle-field',
  'error-once',
  'error-twice',
  'error-after-accept',
  'reject',
  'reset-once',
  'drop-after-accept',
  'truncate-after-accept',
  'html',
  'empty',
  'slow',
  'trickle',
  'close',
];
const HANGING = ['hang', 'hang-after-accept', 'stall-after-accept'];

const PERSON: Record<Kind, (n: number, email: string) => Row> = {
  sendmator: (n, email) => ({
    email,
    external_id: `P-${n}`,
    first_name: `First${n}`,
    'custom_fields.n:integer': String(n),
  }),
  autosend: (n, email) => ({ email, userId: `P-${n}`, 'First Name': `First${n}` }),
  cendyn: (n, email) => ({ email, user_id: `P-${n}`, 'First Name': `First${n}`, language: 'DE' }),
  clemta: (n, email) => ({ email, type: 'customer', 'Full Name': `First${n} Last${n}` }),
};

/** The column by which each API tells its contacts apart, besides the address. */
const ID: Record<Kind, string | undefined> = {
  sendmator: 'external_id',
  autosend: 'userId',
  cendyn: 'user_id',
  clemta: undefined,
};

export interface ChaosData {
  rows: Row[];
  /** In the API already, in its own words. */
  held: object[];
}

export function dataOf({ seed, kind, rows: count, mix }: ChaosPlan): ChaosData {
  const dice = new Dice(seed + 0x10000);
  const person = PERSON[kind];
  const hopeless = dice.chance(0.15);
  const rows: Row[] = [];
  const held: object[] = [];
  for (let n = 1; n <= count; n++) {
    const address = `person${n}@example.com`;
    const before = rows[Math.floor(dice.roll() * rows.length)];
    if (before && dice.chance(mix.repeats)) rows.push(repeat(before, person(n, address)));
    else if (dice.chance(mix.invalid))
      rows.push(person(n, dice.of(['nobody', 'a@b@c', '', 'two words@example.com'])));
    else if (dice.chance(mix.faulty)) {
      const fault =
        hopeless && dice.chance(0.1) ? 'error-always' : dice.of(dice.chance(0.05) ? HANGING : FAULTY);
      rows.push(person(n, `${fault}.${n}@example.com`));
    } else {
      rows.push(person(n, address));
      if (dice.chance(mix.held)) held.push(inApi(n, address));
    }
  }
  return { rows, held };

  /** The same address in capitals, or the same id with another address. */
  function repeat(before: Row, own: Row): Row {
    const id = ID[kind];
    if (id !== undefined && dice.chance(0.3)) return { ...own, [id]: before[id]! };
    return { ...own, email: before.email!.toUpperCase() };
  }

  function inApi(n: number, email: string): object {
    if (kind === 'clemta') return { email, type: 'customer', full_name: 'Old' };
    if (kind === 'sendmator' && dice.chance(0.3))
      return { email: `other${n}@example.com`, external_id: `P-${n}` };
    return { email };
  }
}
