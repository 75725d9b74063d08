/** What a cell looks like, whatever its column is read as. */
export type Shape =
  | 'digits'
  | 'number'
  | 'scientific'
  /** ISO 8601, or the same either way round: `05/05/2024`. */
  | 'clear_date'
  /** Of the first two numbers neither is above 12, so it may be read either way: `03/04/2024`. */
  | 'either_date'
  | 'day_first_date'
  | 'month_first_date'
  /** `'0123`: an apostrophe keeps a spreadsheet from changing what follows, and belongs to no value. */
  | 'guarded'
  | 'currency'
  /** `NULL`, `n/a`, `#REF!` */
  | 'placeholder'
  | 'text';

const PLACEHOLDERS = new Set([
  ...['null', '(null)', '<null>', 'nil', 'none', 'undefined', 'nan', 'n/a', 'n.a.', '-', '--', '\\n'],
  ...[
    '#n/a',
    '#ref!',
    '#value!',
    '#name?',
    '#div/0!',
    '#null!',
    '#num!',
    '#error!',
    '#nv',
    '#bezug!',
    '#wert!',
  ],
]);
const LONGEST_PLACEHOLDER = 9;
/** Longer cells are text, however they begin. */
const LONGEST = 40;

const DIGITS = /^\d+$/;
const NUMBER = /^[+-]?(?:\d+|\d{1,3}(?:[., '\u00A0\u202F]\d{3})+)(?:[.,]\d+)?$/;
const SCIENTIFIC = /^[+-]?\d+(?:[.,]\d+)?E[+-]?\d+$/i;
const DATE = /^(\d{1,2})([./-])(\d{1,2})\2(?:\d{4}|\d{2})(?:[ T,].*)?$/;
const ISO = /^\d{4}-\d\d-\d\d(?:[T ].*)?$/;
const SIGN =
  /^[+-]?\s?(?:\p{Sc}|[A-Z]{3}\s)\s?[\d.,' \u00A0]*\d$|^[+-]?\d[\d.,' \u00A0]*\s?(?:\p{Sc}|EUR|USD|GBP|CHF|JPY|Kč|zł|kr\.?)$/u;
const GUARDED = /^'[=+\-@\d]/;

/** `text` is trimmed and not blank. */
export function shapeOf(text: string): Shape {
  if (text.length > LONGEST) return 'text';
  if (text.length <= LONGEST_PLACEHOLDER && PLACEHOLDERS.has(text.toLowerCase())) return 'placeholder';
  const code = text.charCodeAt(0);
  const isLetter = (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
  // Most cells are words: nothing more is asked of them, but for `EUR 12`.
  if (isLetter) return text.charCodeAt(3) === SPACE && SIGN.test(text) ? 'currency' : 'text';
  if (code === APOSTROPHE) return GUARDED.test(text) ? 'guarded' : 'text';
  if (DIGITS.test(text)) return 'digits';
  if (SCIENTIFIC.test(text)) return 'scientific';
  const date = DATE.exec(text);
  if (date) return dateShape(Number(date[1]), Number(date[3]), date[2]!);
  if (NUMBER.test(text)) return 'number';
  if (ISO.test(text)) return 'clear_date';
  return SIGN.test(text) ? 'currency' : 'text';
}

const APOSTROPHE = 39;
const SPACE = 32;

/** With dots the day comes first wherever they are used. */
function dateShape(first: number, second: number, between: string): Shape {
  if (first < 1 || second < 1 || first > 31 || second > 31 || (first > 12 && second > 12)) return 'text';
  if (first > 12) return 'day_first_date';
  if (second > 12) return 'month_first_date';
  if (first === second) return 'clear_date';
  if (between === '.') return 'day_first_date';
  return 'either_date';
}
