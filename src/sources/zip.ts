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

const TABLES = /\.(csv|tsv|tab|psv|txt|dat)(\.gz)?$/i;

/** Files of an archive that may be tables; all of them when no name says so. */
export function tablesOf({ members }: Archive): Member[] {
  const tables = members.filter(({ name }) => TABLES.test(name));
  return tables.length > 0 ? tables : members;
}
