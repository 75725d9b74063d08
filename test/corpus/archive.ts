/** Zip archives and spreadsheets in a few lines, for the corpus. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface Entry {
  name: string;
  bytes: Buffer;
  stored?: boolean;
}

export function zip(entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, stored } of entries) {
    const packed = stored ? bytes : deflateRawSync(bytes);
    const of = Buffer.from(name);
    const header = Buffer.alloc(26);
    header.writeUInt16LE(20, 0);
    header.writeUInt16LE(0x800, 2); // names in UTF-8
    header.writeUInt16LE(stored ? 0 : 8, 4);
    header.writeUInt16LE(0x5821, 8);
    header.writeUInt32LE(crc32(bytes), 10);
    header.writeUInt32LE(packed.length, 14);
    header.writeUInt32LE(bytes.length, 18);
    header.writeUInt16LE(of.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), header, of, packed]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), header, place, of]));
    parts.push(local);
    offset += local.length;
  }
  const all = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(all.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, all, Buffer.from('PK\x05\x06'), end]);
}

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Rows of texts. */
export function sheetXml(table: readonly (readonly string[])[], { shared = false } = {}): string {
  let n = 0;
  const cell = (text: string, i: number, row: number) => {
    const at = `${String.fromCharCode(65 + i)}${row}`;
    if (shared) return `<c r="${at}" t="s"><v>${n++}</v></c>`;
    return `<c r="${at}" t="inlineStr"><is><t xml:space="preserve">${escaped(text)}</t></is></c>`;
  };
  return table
    .map((cells, i) => `<row r="${i + 1}">${cells.map((text, j) => cell(text, j, i + 1)).join('')}</row>`)
    .join('');
}

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
const FORMATS = ['yyyy-mm-dd', 'd.m.yyyy hh:mm', 'h:mm', '00000', '0.00', '0.0%', '000-00-0000'];

/** The parts of a spreadsheet with these sheets. Styles 1 to 7 are those of FORMATS. */
export function workbook(
  sheets: readonly { name: string; xml: string; hidden?: boolean }[],
  strings: readonly string[] = [],
  date1904 = false,
): Entry[] {
  const list = sheets.map(
    ({ name, hidden }, i) =>
      `<sheet name="${name}" sheetId="${i + 1}"${hidden ? ' state="hidden"' : ''} r:id="rId${i + 1}"/>`,
  );
  const links = sheets.map(
    (_, i) => `<Relationship Id="rId${i + 1}" Type="worksheet" Target="worksheets/s${i + 1}.xml"/>`,
  );
  const part = (name: string, xml: string) => ({ name, bytes: Buffer.from(XML + xml) });
  return [
    part('[Content_Types].xml', '<Types/>'),
    part(
      'xl/workbook.xml',
      `<workbook ${MAIN} xmlns:r="r"><workbookPr${date1904 ? ' date1904="1"' : ''}/><sheets>${list.join('')}</sheets></workbook>`,
    ),
    part('xl/_rels/workbook.xml.rels', `<Relationships>${links.join('')}</Relationships>`),
    part(
      'xl/sharedStrings.xml',
      `<sst ${MAIN}>${strings.map((text) => `<si><t>${escaped(text)}</t></si>`).join('')}</sst>`,
    ),
    part(
      'xl/styles.xml',
      `<styleSheet ${MAIN}><numFmts>${FORMATS.map((code, i) => `<numFmt numFmtId="${164 + i}" formatCode="${code}"/>`).join('')}</numFmts><cellStyleXfs><xf numFmtId="9"/></cellStyleXfs><cellXfs><xf numFmtId="0"/>${FORMATS.map((_, i) => `<xf numFmtId="${164 + i}"/>`).join('')}</cellXfs></styleSheet>`,
    ),
    ...sheets.map(({ xml }, i) =>
      part(`xl/worksheets/s${i + 1}.xml`, `<worksheet ${MAIN}><sheetData>${xml}</sheetData></worksheet>`),
    ),
  ];
}
