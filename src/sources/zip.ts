/** Files in a zip archive. */
import type { Readable } from 'node:stream';
import { type Entry, openPromise } from 'yauzl';
import { EXIT, RowferryError } from '../errors.js';
import { blownUp, isBlownUp } from './spool.js';

export interface Member {
  /** As the archive calls it. */
  name: string;
  /** Unpacked, as the archive says. */
  bytes: number;
  open(): Promise<Readable>;
}

export interface Archive {
  members: Member[];
  /** Of the archive itself. */
  bytes: number;
  close(): void;
}

const MOST_MEMBERS = 10_000;

/** Opens the archive at `path`, which people call `name`; without what systems add to archives. */
export async function openArchive(path: string, name: string): Promise<Archive> {
  try {
    // Nothing is written to where the archive says: its names are names alone.
    const zip = await openPromise(path, { lazyEntries: true, autoClose: false });
    const members: Member[] = [];
    for await (const entry of zip.eachEntry()) {
      if (members.length === MOST_MEMBERS) throw new Error(`it holds more than ${MOST_MEMBERS} files`);
      if (isMeant(entry)) members.push(memberOf(entry));
    }
    return { members, bytes: zip.fileSize, close: () => zip.close() };

    function memberOf(entry: Entry): Member {
      const open = async () => {
        if (entry.isEncrypted()) throw unreadable(name, 'it is protected by a password');
        // The archive is held to the size it tells.
        if (isBlownUp(entry.uncompressedSize, entry.compressedSize)) throw blownUp(name);
        return zip.openReadStreamPromise(entry);
      };
      return { name: entry.fileName, bytes: entry.uncompressedSize, open };
    }
  } catch (error) {
    throw error instanceof RowferryError ? error : unreadable(name, (error as Error).message);
  }
}

export function unreadable(name: string, why: string): RowferryError {
  return new RowferryError('SOURCE_UNREADABLE', `${name} cannot be unpacked: ${why}.`, EXIT.usage);
}

function isMeant({ fileName }: Entry): boolean {
  return !/\/$|^__MACOSX\/|(^|\/)\.|(^|\/)(thumbs\.db|desktop\.ini)$/i.test(fileName);
}

/** Names of tables, the surest first: beside a `.csv` a `.txt` is something to read. */
const TABLES = [/\.(csv|tsv|tab|psv)(\.gz)?$/i, /\.xlsx$/i, /\.(txt|dat)(\.gz)?$/i];

/** Files of an archive that may be tables; all of them when no name says so. */
export function tablesOf({ members }: Archive): Member[] {
  for (const sign of TABLES) {
    const tables = members.filter(({ name }) => sign.test(name));
    if (tables.length > 0) return tables;
  }
  return members;
}

/** The file that is `wanted`, or the only one there is. */
export function chooseMember(archive: Archive, name: string, wanted: string | undefined): Member {
  const tables = tablesOf(archive);
  const found = wanted === undefined ? tables[0] : archive.members.find((member) => member.name === wanted);
  if (found === undefined) {
    const what = wanted === undefined ? 'holds no file' : `holds no file ${wanted}`;
    throw new RowferryError('SOURCE_MISSING', `${name} ${what}.`, EXIT.usage);
  }
  if (wanted !== undefined || tables.length === 1) return found;
  const names = tables.slice(0, 5).map((member) => member.name);
  const more = tables.length > names.length ? ', …' : '';
  throw new RowferryError(
    'SOURCE_AMBIGUOUS',
    `${name} holds ${tables.length} files (${names.join(', ')}${more}), and one is asked for: name it like ${name}/${names[0]}.`,
    EXIT.usage,
  );
}
