/** Cuts XML into tags and texts while it streams; enough for what spreadsheets hold, which is made by programs. */
import { StringDecoder } from 'node:string_decoder';

export type XmlPart =
  | { open: string; attributes: Record<string, string>; closed: boolean }
  | { close: string }
  | { text: string };

/** A tag or a text longer than this is none. */
const LONGEST = 4 * 1024 * 1024;
const LONGEST_TAG = 16 * 1024;

/** Names come without their namespace. Throws for what is no XML. */
export async function* readXml(input: AsyncIterable<Buffer>): AsyncGenerator<XmlPart[]> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const piece of input) {
    const parts: XmlPart[] = [];
    rest = cut(rest + decoder.write(piece), parts);
    if (rest.length > LONGEST) throw new Error('it holds something endless');
    if (parts.length > 0) yield parts;
  }
  if (rest.trim() !== '') throw new Error('it is cut off');
}

function cut(text: string, parts: XmlPart[]): string {
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('<', at);
    if (open === -1) return text.slice(at);
    if (open > at) parts.push({ text: plain(text.slice(at, open)) });
    const special = SPECIAL.find(([start]) => text.startsWith(start, open));
    const end = text.indexOf(special?.[1] ?? '>', open);
    if (end === -1) return text.slice(open);
    if (special?.[0] === '<![CDATA[') parts.push({ text: text.slice(open + 9, end) });
    else if (special === undefined) parts.push(tag(text.slice(open + 1, end)));
    at = end + (special?.[1].length ?? 1);
  }
  return '';
}

const SPECIAL = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
] as const;

function tag(inner: string): XmlPart {
  if (inner.startsWith('/')) return { close: local(inner.slice(1).trim()) };
  if (inner.length > LONGEST_TAG) throw new Error('it has a tag of endless length');
  if (inner.startsWith('!')) throw new Error('it has a document type, which no spreadsheet has');
  const closed = inner.endsWith('/');
  const name = /^[^\s/]+/.exec(inner)?.[0] ?? '';
  const attributes: Record<string, string> = Object.create(null);
  for (const [, key, a, b] of inner
    .slice(name.length)
    .matchAll(/([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    attributes[local(key!)] = plain(a ?? b ?? '');
  }
  return { open: local(name), attributes, closed };
}

function local(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function plain(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|(\w+));/gi,
    (all, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return ENTITIES[name] ?? all;
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : all;
    },
  );
}
