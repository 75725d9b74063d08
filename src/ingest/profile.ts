/**
 * Looks through the cells of a source for what spreadsheets and exports have spoilt, or what different people read
 * differently. Each remark is about one column, with a count; its examples are somebody's data and not for logs.
 */
import type { Contact } from '../contact.js';
import type { ValueType } from '../mapping.js';
import { valueAt } from './fill.js';
import { type Shape, shapeOf } from './shape.js';
import { TagNames } from './tag-names.js';

export type RemarkKind =
  | 'ambiguous_dates'
  | 'scientific_notation'
  | 'lost_zeros'
  | 'apostrophes'
  | 'currency'
  | 'placeholders'
  | 'mixed_types'
  | 'similar_tags';

export interface ColumnRemark {
  column: string;
  kind: RemarkKind;
  /** Cells it is about; of tags: tags. */
  count: number;
  /** What it is and what comes of it, without any cell: `12 cells are …`. */
  says: string;
  /** Cells as they stand; for a screen alone. */
  examples: string[];
}

/** A column, and what its cells are read as. */
export interface ProfiledColumn {
  index: number;
  header: string;
  type: ValueType;
  /** Of a list: where its elements are in the contact. */
  path: readonly string[];
}

const MOST_EXAMPLES = 3;
/** So much of a column is of one shape: what is not is an exception. */
const NEARLY_ALL = 0.9;
const FEWEST_CELLS = 10;
/** Numbers of which people count the digits. */
const CODES = /zip|postal|post ?code|plz|phone|telef|mobil|fax|konto|account.?n|iban|ssn|ean|gtin|isbn|upc/i;
const LONGEST_CODE = 20;
const SHORTEST_CODE = 4;

export class Profile {
  private readonly columns: ColumnProfile[];

  constructor(columns: readonly ProfiledColumn[]) {
    this.columns = columns.map((column) => new ColumnProfile(column));
  }

  see(cells: readonly string[], contact: Contact): void {
    for (const column of this.columns) column.see(cells, contact);
  }

  /** In the order of the columns. */
  remarks(): ColumnRemark[] {
    return this.columns.flatMap((column) => column.remarks());
  }
}

class Tally {
  count = 0;
  readonly examples: string[] = [];

  add(text: string): void {
    this.count++;
    if (this.examples.length < MOST_EXAMPLES && !this.examples.includes(text)) this.examples.push(text);
  }
}

class ColumnProfile {
  private readonly shapes = new Map<Shape, Tally>();
  /** Digits alone, by their number; of the longest, whether any begins with 0. */
  private readonly lengths = new Map<number, Tally>();
  private readonly zeros = new Set<number>();
  private readonly tags: TagNames | undefined;

  constructor(private readonly column: ProfiledColumn) {
    if (column.type === 'list') this.tags = new TagNames();
  }

  see(cells: readonly string[], contact: Contact): void {
    const text = cells[this.column.index]?.trim();
    if (!text) return;
    if (this.tags) {
      this.tags.see(valueAt(contact, this.column.path));
      return;
    }
    const shape = shapeOf(text);
    tally(this.shapes, shape).add(text);
    if (shape !== 'digits' || text.length > LONGEST_CODE) return;
    tally(this.lengths, text.length).add(text);
    if (text.startsWith('0')) this.zeros.add(text.length);
  }

  remarks(): ColumnRemark[] {
    const { tags, column } = this;
    if (tags) {
      const { count, examples } = tags.similar();
      if (count === 0) return [];
      const says = `${counted(count, 'tag')} differ from others by case, blanks or punctuation alone`;
      return [{ column: column.header, kind: 'similar_tags', count, says, examples }];
    }
    return [
      ...this.dates(),
      ...this.simple('scientific_notation', 'scientific', 'in scientific notation: digits may be lost'),
      ...this.zerosLost(),
      ...this.simple('apostrophes', 'guarded', 'begin with an apostrophe, which is sent as it stands'),
      ...this.simple('currency', 'currency', 'amounts with their currency, and are sent as text'),
      ...this.simple('placeholders', 'placeholder', 'stand for nothing, and are sent as text'),
      ...this.mixed(),
    ];
  }

  private simple(kind: RemarkKind, shape: Shape, what: string): ColumnRemark[] {
    const found = this.shapes.get(shape);
    if (found === undefined) return [];
    const verb = /^(in|amounts) /.test(what) ? (found.count === 1 ? 'is ' : 'are ') : '';
    return [this.remark(kind, found, `${counted(found.count, 'cell')} ${verb}${what}`)];
  }

  /** What other cells tell of the order helps a person to give it; the cells are sent as they stand. */
  private dates(): ColumnRemark[] {
    const found = this.shapes.get('either_date');
    if (found === undefined) return [];
    const dayFirst = this.count('day_first_date');
    const monthFirst = this.count('month_first_date');
    const others =
      dayFirst > 0 && monthFirst > 0
        ? `others put the day first (${dayFirst}) or the month (${monthFirst})`
        : dayFirst + monthFirst === 0
          ? 'nor does any other cell'
          : `the others put the ${dayFirst > 0 ? 'day' : 'month'} first`;
    const says = `${counted(found.count, 'date')} ${found.count === 1 ? 'does' : 'do'} not tell day from month; ${others}`;
    return [this.remark('ambiguous_dates', found, says)];
  }

  /** Most have as many digits as each other, and some just lack one or two in front. */
  private zerosLost(): ColumnRemark[] {
    if (!CODES.test(this.column.header)) return [];
    const byCount = [...this.lengths].sort(([, a], [, b]) => b.count - a.count);
    const [usual] = byCount;
    const all = byCount.reduce((sum, [, { count }]) => sum + count, 0);
    if (usual === undefined || usual[0] < SHORTEST_CODE || usual[1].count < 0.6 * all) return [];
    const [digits] = usual;
    if (this.zeros.has(digits)) return [];
    const lost = new Tally();
    for (const [length, { count, examples }] of byCount) {
      if (length !== digits - 1 && length !== digits - 2) continue;
      for (const example of examples) lost.add(example);
      lost.count += count - examples.length;
    }
    if (lost.count === 0) return [];
    const says = `${counted(lost.count, 'number')} ${lost.count === 1 ? 'has' : 'have'} fewer than the usual ${digits} digits: leading zeros may be lost`;
    return [this.remark('lost_zeros', lost, says)];
  }

  private mixed(): ColumnRemark[] {
    const all = [...this.shapes.values()].reduce((sum, { count }) => sum + count, 0);
    const placeholders = this.count('placeholder');
    for (const [name, shapes] of FAMILIES) {
      const alike = shapes.reduce((sum, shape) => sum + this.count(shape), 0);
      if (alike === all - placeholders || alike < FEWEST_CELLS || alike < NEARLY_ALL * all) continue;
      const odd = new Tally();
      for (const [shape, { count, examples }] of this.shapes) {
        if (shapes.includes(shape) || shape === 'placeholder') continue;
        for (const example of examples) odd.add(example);
        odd.count += count - examples.length;
      }
      const says = `${counted(odd.count, 'cell')} ${odd.count === 1 ? 'is' : 'are'} no ${name}, where all others are`;
      return [this.remark('mixed_types', odd, says)];
    }
    return [];
  }

  private count(shape: Shape): number {
    return this.shapes.get(shape)?.count ?? 0;
  }

  private remark(kind: RemarkKind, { count, examples }: Tally, says: string): ColumnRemark {
    return { column: this.column.header, kind, count, says, examples };
  }
}

const DATES: readonly Shape[] = ['either_date', 'day_first_date', 'month_first_date', 'clear_date'];
const NUMBERS: readonly Shape[] = ['digits', 'number', 'scientific'];
const FAMILIES: readonly (readonly [name: string, shapes: readonly Shape[]])[] = [
  ['number', NUMBERS],
  ['date', DATES],
];

function tally<K>(tallies: Map<K, Tally>, key: K): Tally {
  let found = tallies.get(key);
  if (found === undefined) {
    found = new Tally();
    tallies.set(key, found);
  }
  return found;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
