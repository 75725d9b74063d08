/** Directories and files that live as long as one test. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export function scratchDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'rowferry-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Writes `content` to a file of its own and gives its path. */
export function scratchFile(content: string | Buffer, name = 'people.csv'): string {
  const path = join(scratchDir(), name);
  writeFileSync(path, content);
  return path;
}
