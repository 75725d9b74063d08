/** Reads dates as people write them; gives ISO 8601. */
import { DateTime } from 'luxon';
import { type Convert, Unfit } from './unfit.js';

/** Tokens that Luxon reads; other letters are other libraries' and would be taken for plain text. */
const TOKEN = /^[yMLdoEcWkqHhmsSuaZzTtDfF]$/;
const TIME = /[HhmsSuTtfF]/;
const YEAR = /[ykDfF]/;

const ISO = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?(?:Z|[+-]\d\d(?::?\d\d)?))?)?$/i;

/** Month names and the like are English on every machine. */
const LOCALE = 'en-US';
const EXAMPLE = DateTime.utc(2024, 1, 31, 14, 5);

/**
 * Without `format`: ISO 8601, a blank in place of the T allowed; `X` and `x` are Unix time in seconds and ms. Dates
 * stay dates, times are told in UTC; `zone` is that of times which tell none. Throws the end of a sentence for a
 * format or a zone that makes no sense.
 */
export function dateReader(format: string | undefined, zone = 'utc'): Convert {
  if (!DateTime.utc().setZone(zone).isValid) {
    throw new Error(`zone "${zone}" is none; write it like Europe/Berlin`);
  }
  if (format === 'X' || format === 'x') return unixReader(format);
  const options = { zone, locale: LOCALE };
  if (format === undefined) {
    const unfit = new Unfit(
      'not_a_date',
      'a date like 2024-01-31 or 2024-01-31T14:05:00Z (or say its format)',
    );
    return (text) => {
      if (!ISO.test(text)) return unfit;
      const spaceless = text.replace(/^(\S+) (\d)/, '$1T$2').replace(' ', '');
      return told(DateTime.fromISO(spaceless, options), text.length > 10) ?? unfit;
    };
  }
  checkFormat(format);
  const timed = TIME.test(unquoted(format));
  const parser = DateTime.buildFormatParser(format, options);
  const example = EXAMPLE.toFormat(format, { locale: LOCALE });
  if (!DateTime.fromFormatParser(example, parser, options).isValid) throw notOurs(format);
  const unfit = new Unfit('not_a_date', `a date like ${example} (${format})`);
  return (text) => told(DateTime.fromFormatParser(text, parser, options), timed) ?? unfit;
}

function unixReader(format: 'X' | 'x'): Convert {
  const unfit = new Unfit('not_a_date', `a Unix time like ${EXAMPLE.toFormat(format)} (${format})`);
  return (text) => {
    if (!/^-?\d{1,14}$/.test(text)) return unfit;
    const ms = Number(text) * (format === 'X' ? 1000 : 1);
    return told(DateTime.fromMillis(ms, { zone: 'utc' }), true) ?? unfit;
  };
}

function told(date: DateTime, timed: boolean): string | undefined {
  if (!date.isValid) return undefined;
  return (timed ? date.toUTC().toISO({ suppressMilliseconds: true }) : date.toISODate()) ?? undefined;
}

function checkFormat(format: string): void {
  const letters = unquoted(format);
  const odd = letters.match(/[A-Za-z]/g)?.find((letter) => !TOKEN.test(letter));
  if (odd !== undefined || /DD.*M|M.*DD/.test(letters)) throw notOurs(format);
  if (!YEAR.test(letters)) throw new Error(`format "${format}" has no year`);
}

function notOurs(format: string): Error {
  return new Error(`format "${format}" is none of Luxon's; write it like dd.MM.yyyy or yyyy-MM-dd HH:mm`);
}

function unquoted(format: string): string {
  return format.replace(/'[^']*'/g, '');
}
