/** What a file is, by its first bytes; names lie. */
import { open } from 'node:fs/promises';

const START_BYTES = 512;
export type Kind = 'gzip' | 'zip' | 'text' | keyof typeof REFUSED;

/** What is no text, and how to make it one. */
export const REFUSED: Partial<Record<string, string>> = {
  xls: 'is a spreadsheet of the old kind (.xls). Save it as .xlsx or as "CSV UTF-8".',
  pdf: 'is a PDF. Export the data as CSV.',
  json: 'is JSON. Export the data as CSV.',
  html: 'is a web page, maybe that of a login or an error, and no CSV.',
};

/** A file that cannot be read is for whoever reads it to tell. */
export async function kindOf(path: string): Promise<Kind> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return 'text';
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0);
    const start = buffer.toString('latin1', 0, bytesRead);
    if (start.startsWith('\x1f\x8b')) return 'gzip';
    if (start.startsWith('PK\x03\x04') || start.startsWith('PK\x05\x06')) return 'zip';
    if (start.startsWith('\xd0\xcf\x11\xe0')) return 'xls';
    if (start.startsWith('%PDF-')) return 'pdf';
    if (/^(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|table)[\s>]/i.test(start)) return 'html';
    if (/^(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{\s*"/.test(start)) return 'json';
    return 'text';
  } catch {
    return 'text'; // a directory
  } finally {
    await file.close();
  }
}
