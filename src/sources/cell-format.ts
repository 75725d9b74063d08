/** How spreadsheets show numbers: dates, leading zeros, decimals, percent. Dates come out in ISO 8601, whatever the sheet's own order. */
import type { Readable } from 'node:stream';
import { readXml } from './xml.js';

export interface NumberFormats {
  date1904: boolean;
  /** The format code of cells of a style. */
  of(style: number): string;
}

/** Those that need no code in the file. */
const BUILT_IN: Record<number, string> = {
  0: 'General',
  1: '0',
  2: '0.00',
  3: '#,##0',
  4: '#,##0.00',
  9: '0%',
  10: '0.00%',
  11: '0.00E+00',
  14: 'yyyy-mm-dd',
  15: 'd-mmm-yy',
  16: 'd-mmm',
  17: 'mmm-yy',
  18: 'h:mm AM/PM',
  19: 'h:mm:ss AM/PM',
  20: 'h:mm',
  21: 'h:mm:ss',
  22: 'yyyy-mm-dd h:mm',
  45: 'mm:ss',
  46: '[h]:mm:ss',
  47: 'mm:ss.0',
};

/** Of a format; spreadsheets allow no longer ones. */
const LONGEST_CODE = 255;

export async function readFormats(styles: Readable | undefined, date1904: boolean): Promise<NumberFormats> {
  const codes = new Map<number, string>();
  const ofStyle: number[] = [];
  let inStyles = false;
  if (styles !== undefined) {
    for await (const parts of readXml(styles)) {
      for (const part of parts) {
        if ('close' in part && part.close === 'cellXfs') inStyles = false;
        if (!('open' in part)) continue;
        const { numFmtId, formatCode } = part.attributes;
        if (part.open === 'numFmt') codes.set(Number(numFmtId), (formatCode ?? '').slice(0, LONGEST_CODE));
        if (part.open === 'cellXfs') inStyles = true;
        if (part.open === 'xf' && inStyles) ofStyle.push(Number(numFmtId) || 0);
      }
    }
  }
  return {
    date1904,
    of(style) {
      const id = ofStyle[style] ?? 0;
      // In these the language of the machine decides; all of them are dates.
      const local = (id >= 27 && id <= 36) || (id >= 50 && id <= 58);
      return codes.get(id) ?? BUILT_IN[id] ?? (local ? 'yyyy-mm-dd' : 'General');
    },
  };
}

/** `value` as the file has it, in the format `code`. */
export function show(value: string, code: string, date1904: boolean): string {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number)) return value;
  // Only the part for positive numbers; texts, colours and fillers beside it are no part of the value.
  const plain = code.split(';')[0]!.replace(/"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]/gi, '');
  if (/[ymdhs]/i.test(plain.replace(/general/i, '')) && number >= 0) return showDate(number, plain, date1904);
  const decimals = /\.(0+)/.exec(plain)?.[1]?.length ?? 0;
  if (/^0+(\.0+)?$/.test(plain)) {
    const [whole = '', rest] = Math.abs(number).toFixed(decimals).split('.');
    const zeros = whole.padStart(plain.split('.')[0]!.length, '0');
    return `${number < 0 ? '-' : ''}${zeros}${rest === undefined ? '' : `.${rest}`}`;
  }
  if (plain.includes('%')) return `${plainNumber(Number((number * 100).toPrecision(15)))}%`;
  // Phone numbers and ids are formatted with blanks and dashes between their digits.
  if (/^[0 ()+/-]+$/.test(plain) && plain.includes('0') && Number.isInteger(number) && number >= 0)
    return pattern(value, plain);
  return plainNumber(number);
}

/** What was typed: `0.1 + 0.2` is stored with more digits than anybody sees. */
function plainNumber(number: number): string {
  const rounded = Number(number.toPrecision(15));
  if (Math.abs(rounded) >= 1e21) return BigInt(rounded).toString();
  return Math.abs(rounded) < 1e-6 && rounded !== 0 ? rounded.toFixed(20).replace(/0+$/, '') : String(rounded);
}

/** `000-00-0000` with 12345678 → `012-34-5678`. */
function pattern(value: string, plain: string): string {
  const places = plain.split('0').length - 1;
  const digits = [...String(Number(value)).padStart(places, '0')];
  const first = digits.splice(0, digits.length - places + 1).join('');
  let taken = false;
  return plain.replace(/0/g, () => {
    if (taken) return digits.shift()!;
    taken = true;
    return first;
  });
}

const DAY_MS = 86_400_000;

function showDate(number: number, plain: string, date1904: boolean): string {
  const hasDay = /[yd]/i.test(plain) || /(^|[^hs:m])m+(?![ms:])/i.test(plain.replace(/am\/pm|a\/p/gi, ''));
  const hasTime = /[hs]/i.test(plain);
  if (/\[(h+|m+|s+)\]/i.test(plain) || (hasTime && !hasDay && number >= 1)) return duration(number);
  // 1900 is taken for a leap year: what is before its March is a day off.
  const days = date1904 ? number + 1462 : number < 60 ? number + 1 : number;
  const iso = new Date(Math.round((days - 25_569) * 86_400) * 1000).toISOString();
  const [date, time] = [iso.slice(0, 10), iso.slice(11, 19)];
  if (!hasDay) return time;
  return hasTime || Math.round((number % 1) * DAY_MS) > 0 ? `${date} ${time}` : date;
}

function duration(number: number): string {
  const seconds = Math.round(number * 86_400);
  const two = (part: number) => String(part).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
