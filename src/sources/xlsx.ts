/** Reads one sheet of a spreadsheet (.xlsx), row by row as it is shown: one line of CSV for each row of the sheet. */
import type { Readable } from 'node:stream';
import { EXIT, RowferryError } from '../errors.js';
import { type NumberFormats, readFormats, show } from './cell-format.js';
import { readXml } from './xml.js';
import type { Archive } from './zip.js';
import { unreadable } from './zip.js';

const WORKBOOK = 'xl/workbook.xml';
/** A sheet cannot have more. */
const MOST_ROWS = 1_048_576;
const MOST_COLUMNS = 16_384;
/** Bytes of the texts of all sheets, which are held in memory. */
const MOST_TEXTS = 300_000_000;

/** Length of the text that is given on at once. */
const AT_ONCE = 1 << 18;

export function isSpreadsheet({ members }: Archive): boolean {
  return members.some(({ name }) => name === WORKBOOK);
}

export interface Sheet {
  name: string;
  /** Whether somebody chose it, and how many there are. */
  why: string;
  /** Its rows as lines of CSV, with a comma and LF. */
  lines: AsyncGenerator<string>;
}

interface SheetEntry {
  name: string;
  part: string;
  hidden: boolean;
}

/** `wanted`: a sheet's name, or its number from 1; default: the first that is not hidden. */
export async function openSheet(archive: Archive, name: string, wanted?: string): Promise<Sheet> {
  try {
    const { sheets, date1904 } = await readWorkbook(archive);
    const shown = sheets.filter(({ hidden }) => !hidden);
    const sheet = wanted === undefined ? (shown[0] ?? sheets[0]) : choose(sheets, wanted, name);
    if (sheet === undefined) throw new Error('it has no sheets');
    const strings = await readStrings(archive);
    const formats = await readFormats(await part(archive, 'xl/styles.xml'), date1904);
    const input = await part(archive, sheet.part);
    if (input === undefined) throw new Error(`its sheet "${sheet.name}" is missing`);
    const others = sheets.length - 1;
    const why =
      wanted !== undefined
        ? 'given'
        : others === 0
          ? 'the only one'
          : `the first of ${sheets.length}; --sheet chooses another`;
    return { name: sheet.name, why, lines: sentenced(readRows(input, strings, formats), name) };
  } catch (error) {
    throw error instanceof RowferryError ? error : unreadable(name, (error as Error).message);
  }
}

async function* sentenced(lines: AsyncGenerator<string>, name: string): AsyncGenerator<string> {
  try {
    yield* lines;
  } catch (error) {
    throw error instanceof RowferryError ? error : unreadable(name, (error as Error).message);
  }
}

function choose(sheets: readonly SheetEntry[], wanted: string, name: string): SheetEntry {
  const alike = (sheet: SheetEntry) => sheet.name.trim().toLowerCase() === wanted.trim().toLowerCase();
  const found =
    sheets.find((sheet) => sheet.name === wanted) ?? sheets.find(alike) ?? sheets[Number(wanted) - 1];
  if (found !== undefined) return found;
  const names = sheets
    .slice(0, 20)
    .map((sheet) => `"${sheet.name}"`)
    .join(', ');
  throw new RowferryError('SHEET_UNKNOWN', `${name} has no sheet "${wanted}". It has: ${names}.`, EXIT.usage);
}

async function part(
  archive: Archive,
  name: string,
  most = Number.POSITIVE_INFINITY,
): Promise<Readable | undefined> {
  const found = archive.members.find((member) => member.name.toLowerCase() === name.toLowerCase());
  if (found !== undefined && found.bytes > most)
    throw new Error('its texts are too large; save it as "CSV UTF-8"');
  return found?.open();
}

async function readWorkbook(archive: Archive): Promise<{ sheets: SheetEntry[]; date1904: boolean }> {
  const targets = new Map<string, string>();
  for await (const parts of readXml((await part(archive, 'xl/_rels/workbook.xml.rels')) ?? noBytes())) {
    for (const one of parts) {
      if (!('open' in one) || one.open !== 'Relationship') continue;
      const target = one.attributes.Target ?? '';
      targets.set(one.attributes.Id ?? '', target.startsWith('/') ? target.slice(1) : `xl/${target}`);
    }
  }
  const sheets: SheetEntry[] = [];
  let date1904 = false;
  for await (const parts of readXml((await part(archive, WORKBOOK))!)) {
    for (const one of parts) {
      if (!('open' in one)) continue;
      const { attributes } = one;
      if (one.open === 'workbookPr') date1904 = isTrue(attributes.date1904);
      if (one.open !== 'sheet') continue;
      const name = attributes.name ?? '';
      const hidden = (attributes.state ?? 'visible') !== 'visible';
      sheets.push({
        name,
        hidden,
        part: targets.get(attributes.id ?? '') ?? `xl/worksheets/sheet${sheets.length + 1}.xml`,
      });
    }
  }
  return { sheets, date1904 };
}

async function* noBytes(): AsyncGenerator<Buffer> {}

function isTrue(text: string | undefined): boolean {
  return text === '1' || text === 'true';
}

/** The texts that cells refer to by their number; without how they are to be spoken. */
async function readStrings(archive: Archive): Promise<string[]> {
  const input = await part(archive, 'xl/sharedStrings.xml', MOST_TEXTS);
  const strings: string[] = [];
  if (input === undefined) return strings;
  let text: string | undefined;
  let inText = false;
  let spoken = false;
  for await (const parts of readXml(input)) {
    for (const one of parts) {
      if ('open' in one) {
        if (one.open === 'si') text = '';
        if (one.open === 'rPh') spoken = !one.closed;
        if (one.open === 't') inText = !one.closed;
        if (one.open === 'si' && one.closed) strings.push('');
      } else if ('close' in one) {
        if (one.close === 'si') strings.push(text ?? '');
        if (one.close === 'rPh') spoken = false;
        if (one.close === 't') inText = false;
      } else if (inText && !spoken) text += one.text;
    }
  }
  return strings;
}

async function* readRows(
  input: Readable,
  strings: readonly string[],
  formats: NumberFormats,
): AsyncGenerator<string> {
  let row = 0;
  let cells: string[] = [];
  let column = 0;
  let cell: { type: string; style: number; value: string } | undefined;
  let inValue = false;
  let spoken = false;
  for await (const parts of readXml(input)) {
    let lines = '';
    for (const one of parts) {
      if ('text' in one) {
        if (inValue && !spoken && cell !== undefined) cell.value += one.text;
      } else if ('open' in one) {
        const { attributes } = one;
        if (one.open === 'row') {
          const number = Math.min(Number(attributes.r) || row + 1, MOST_ROWS);
          lines += '\n'.repeat(Math.max(0, number - row - 1)); // rows that nobody filled
          row = Math.max(row + 1, number);
          cells = [];
          column = 0;
          if (one.closed) lines += '\n';
        } else if (one.open === 'c') {
          column = columnOf(attributes.r) ?? column + 1;
          cell = { type: attributes.t ?? 'n', style: Number(attributes.s) || 0, value: '' };
        } else if (one.open === 'v' || one.open === 't') inValue = !one.closed;
        else if (one.open === 'rPh') spoken = !one.closed;
      } else if (one.close === 'v' || one.close === 't') inValue = false;
      else if (one.close === 'rPh') spoken = false;
      else if (one.close === 'c' && cell !== undefined) {
        if (column <= MOST_COLUMNS) cells[column - 1] = shown(cell, strings, formats);
        cell = undefined;
      } else if (one.close === 'row') {
        lines += `${lineOf(cells)}\n`;
        if (lines.length > AT_ONCE) {
          yield lines;
          lines = '';
        }
      }
    }
    if (lines !== '') yield lines;
  }
}

/** `AB12` → 28. */
function columnOf(reference: string | undefined): number | undefined {
  const letters = /^[A-Z]{1,3}(?=\d)/i.exec(reference ?? '')?.[0];
  if (letters === undefined) return undefined;
  let column = 0;
  for (const letter of letters.toUpperCase()) column = column * 26 + letter.charCodeAt(0) - 64;
  return column;
}

/** A cell with an error, such as #N/A, shows that there is no value. */
function shown(
  cell: { type: string; style: number; value: string },
  strings: readonly string[],
  formats: NumberFormats,
): string {
  const { type, value } = cell;
  if (type === 's') return unmasked(strings[Number(value)] ?? '');
  if (type === 'b') return value === '1' ? 'TRUE' : 'FALSE';
  if (type === 'e' || value === '') return '';
  if (type === 'n') return show(value, formats.of(cell.style), formats.date1904);
  return unmasked(value); // str, inlineStr, d
}

/** What XML cannot hold is written as `_x000D_`. */
function unmasked(text: string): string {
  if (!text.includes('_x')) return text;
  return text.replace(/_x([0-9A-F]{4})_/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** Between the cells of a row there may be thousands that nobody filled: these are not gone through. */
function lineOf(cells: readonly (string | undefined)[]): string {
  return cells
    .map((cell = '') =>
      /[",\r\n]/.test(cell) || cell.trim() !== cell ? `"${cell.replaceAll('"', '""')}"` : cell,
    )
    .join(',');
}
