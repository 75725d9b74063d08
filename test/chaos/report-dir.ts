/** A folder for reports that can be full, read-only, or no folder any more; a file system of its own where that is needed. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IncidentName } from './plan.js';

const FULL = 'size=16k';
const ROOMY = 'size=256m';

export type ReportTrouble = Extract<IncidentName, `report dir ${string}`>;

const NEED_MOUNT: readonly IncidentName[] = ['report dir full', 'report dir read-only'];

export function isReportTrouble(name: IncidentName): name is ReportTrouble {
  return name.startsWith('report dir');
}

export class ReportDir {
  readonly path: string;
  private trouble: ReportTrouble | undefined;
  private readonly mounted: boolean;

  constructor(
    private readonly place: string,
    troubles: readonly ReportTrouble[],
  ) {
    mkdirSync(place, { mode: 0o700 });
    this.mounted = troubles.some((name) => NEED_MOUNT.includes(name));
    if (this.mounted) mount('-t', 'tmpfs', '-o', `${ROOMY},mode=700`, 'rowferry-chaos', place);
    this.path = join(place, 'reports');
  }

  begin(trouble: ReportTrouble): void {
    this.end();
    this.trouble = trouble;
    if (trouble === 'report dir full') mount('-o', `remount,${FULL}`, this.place);
    else if (trouble === 'report dir read-only') mount('-o', 'remount,ro', this.place);
    else {
      renameSync(this.path, `${this.path}.aside`);
      writeFileSync(this.path, '');
    }
  }

  /** Whether there was anything to end. */
  end(): boolean {
    const { trouble } = this;
    this.trouble = undefined;
    if (trouble === undefined) return false;
    if (NEED_MOUNT.includes(trouble)) mount('-o', `remount,rw,${ROOMY}`, this.place);
    else {
      rmSync(this.path);
      renameSync(`${this.path}.aside`, this.path);
    }
    return true;
  }

  close(): void {
    this.end();
    if (this.mounted) execFileSync('umount', ['--lazy', this.place]);
  }
}

function mount(...args: string[]): void {
  execFileSync('mount', args, { stdio: 'pipe' });
}

/** Incidents that cannot be made here. */
export function impossibleHere(): IncidentName[] {
  const dir = mkdtempSync(join(tmpdir(), 'rf-mount-'));
  try {
    mount('-t', 'tmpfs', '-o', FULL, 'rowferry-chaos', dir);
    execFileSync('umount', [dir]);
    return [];
  } catch {
    return [...NEED_MOUNT];
  } finally {
    rmdirSync(dir);
  }
}
