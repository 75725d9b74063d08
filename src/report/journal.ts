/**
 * The journal of a run: outcomes on disk, in the order they became known. Each runner appends to a file of its own
 * (by epoch), so that one that wakes late cannot tear the lines of its successor.
 */
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDir } from '../durable-file.js';
import type { EncodedOutcome } from '../outcome.js';

/** A line that closes a group: the stream id up to which it goes. */
const LAST = /^"\d+-\d+"$/;
const NAME = /^journal-(\d+)\.ndjson$/;

export class Journal {
  private constructor(private readonly file: FileHandle) {}

  /** Opens the journal of `epoch` in the run's directory for appending. */
  static async open(dir: string, epoch: string): Promise<Journal> {
    const file = await open(join(dir, `journal-${epoch}.ndjson`), 'a', 0o600);
    await syncDir(dir);
    return new Journal(file);
  }

  /** Appends entries (JSON arrays of encoded outcomes) and the stream id of the last; returns when they are on disk. */
  async append(entries: readonly string[], last: string): Promise<void> {
    await this.file.appendFile(`${entries.join('\n')}\n${JSON.stringify(last)}\n`);
    await this.file.datasync();
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

/**
 * Every outcome ever journaled for a run, an array a line; a line torn by a crash was never trimmed and comes again.
 * `onLast` is told the stream id at the end of each group.
 */
export async function* readJournal(
  dir: string,
  onLast?: (last: string) => void,
): AsyncGenerator<EncodedOutcome[], void, void> {
  if (!existsSync(dir)) return;
  for (const name of journalFiles(readdirSync(dir))) {
    for await (const line of readLines(join(dir, name))) {
      const outcomes = parseEntry(line);
      if (outcomes) yield outcomes;
      else if (LAST.test(line)) onLast?.(line.slice(1, -1));
    }
  }
}

/** Which of these names are files of a journal, oldest first. */
export function journalFiles(names: readonly string[]): string[] {
  return names
    .filter((name) => NAME.test(name))
    .sort((a, b) => Number(NAME.exec(a)![1]) - Number(NAME.exec(b)![1]));
}

/** Lines end with LF alone here: U+2028, which readline splits at as well, may stand in an API's message. */
async function* readLines(path: string): AsyncGenerator<string, void, void> {
  let rest = '';
  for await (const piece of createReadStream(path, { encoding: 'utf8' })) {
    const lines = (rest + String(piece)).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== '') yield rest;
}

/** The outcomes of one stream entry or journal line; undefined when it is no whole one. */
export function parseEntry(line: string): EncodedOutcome[] | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    return Array.isArray(entry) && entry.every(Array.isArray)
      ? (entry as unknown as EncodedOutcome[])
      : undefined;
  } catch {
    return undefined;
  }
}
