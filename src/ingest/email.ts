/** Reads e-mail addresses as people and programs write them into cells, and tells which columns hold some. */
import { isEmailAddress, normaliseEmail } from '../email.js';
import { Unfit } from './unfit.js';

/** Nothing around it, and nothing that needs another look. */
const PLAIN = /^[A-Za-z0-9!#$%&*+/=?^_`{|}~-][A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]*@[A-Za-z0-9.-]*[A-Za-z0-9]$/;
/** Zero-width characters, soft hyphens and marks of direction: copied along from web pages, and seen by nobody. */
const UNSEEN = /[\u00AD\u200B-\u200F\u202A-\u202E\u2060\u2066-\u2069\uFEFF]/g;
const BETWEEN = /[,;|\r\n\t\u3001\uFF0C\uFF1B]+/;
const BRACKETED = /<([^<>]*@[^<>]*)>/;
const BEFORE = /^[\s"“”„«<([,.;:]+/;
/** A longer cell is a text, and not searched. */
const LONGEST_CELL = 2_000;
const AFTER = /[\s"“”»>)\]}',.;:!?]+$/;

/**
 * The address in a cell: `Ann Lee <ann@example.com>`, `mailto:ann@example.com`, `ann@example.com (work);` hold one. What
 * holds none is given back for the destination to judge; several different ones are nobody's choice but a person's.
 */
export function readEmail(text: string): string | Unfit {
  if (PLAIN.test(text)) return text.toLowerCase();
  const found = addressesIn(text);
  if (found.length > 1) return new Unfit('several_addresses', `one e-mail address; it holds ${found.length}`);
  return found[0] ?? normaliseEmail(text);
}

/** The different addresses of a cell. */
function addressesIn(cell: string): string[] {
  if (cell.length > LONGEST_CELL) return [];
  const text = cell.replace(UNSEEN, '').replaceAll('＠', '@').trim();
  const pieces = text.split(BRACKETED); // around a bracket and in it, by turns
  const parts = pieces.flatMap((piece, i) => {
    if (i % 2 === 1) return piece;
    const words = piece.split(BETWEEN);
    if (pieces.length === 1) return words;
    // Right before a bracket stands a name. There may be commas in it: elsewhere only what holds an address counts.
    return (i < pieces.length - 1 ? words.slice(0, -1) : words).filter((part) => part.includes('@'));
  });
  const found = parts.flatMap(addressesOfPart).map(normaliseEmail);
  return [...new Set(found)];
}

/** None where words stand beside an address without anything between: `ann lee@example.com` may be meant in two ways. */
function addressesOfPart(part: string): string[] {
  const whole = part.replace(/\s*@\s*/g, '@').trim();
  if (isEmailAddress(trimmed(whole))) return [trimmed(whole)];
  const words = whole
    .replace(/\([^()@]*\)/g, ' ')
    .split(/\s+/)
    .map(trimmed);
  const filled = words.filter((word) => word !== '');
  return filled.every(isEmailAddress) ? filled : [];
}

function trimmed(word: string): string {
  const bare = word.replace(BEFORE, '').replace(AFTER, '');
  const linked = /^mailto:([^?]*)/i.exec(bare)?.[1];
  const address = linked === undefined ? bare : decoded(linked).replace(BEFORE, '').replace(AFTER, '');
  // A pair of apostrophes is quotation; one alone may be part of the mailbox.
  return word.includes("'", word.indexOf('@') + 1) ? address.replace(/^'/, '') : address;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What stands in the first cells of a column. */
export interface ColumnContent {
  /** Cells that are not blank. */
  filled: number;
  /** Of these, addresses. */
  addresses: number;
  phones: number;
}

export function contentOf(sample: readonly (readonly string[])[], column: number): ColumnContent {
  const content = { filled: 0, addresses: 0, phones: 0 };
  for (const cells of sample) {
    const text = cells[column]?.trim();
    if (!text) continue;
    content.filled++;
    if (text.includes('@') || text.includes('＠')) {
      if (addressesIn(text).length > 0) content.addresses++;
    } else if (looksLikePhone(text)) content.phones++;
  }
  return content;
}

/** `+49 (0)30 123-456`, `030/123456`, `4.915E+11` */
function looksLikePhone(text: string): boolean {
  if (!/^'?[+(\d][\d\s()+./-]*(?:E\+\d+)?$/i.test(text)) return false;
  const digits = text.replace(/\D/g, '').length;
  return digits >= 6 && digits <= 17;
}
