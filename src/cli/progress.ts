/** What a person sees while a run is under way: one line that is rewritten on a terminal, a plain one now and then elsewhere. */
import type { Progress } from '../index.js';

export type ProgressEvent = Progress & { total: number; readAll: boolean };

const PLAIN_EVERY_MS = 5_000;
const SPEED_OVER_MS = 10_000;

export function settledRows(event: Progress): number {
  return event.created + event.updated + event.skipped + event.failed;
}

/** `1 234/5 000 rows · 1 100 created · 120 skipped · 14 failed · 98/s · 0:38 left` */
export function progressLine(event: ProgressEvent, perSecond: number): string {
  const settled = settledRows(event);
  const left = event.total - settled;
  const about = event.readAll ? '' : '~';
  const parts = [
    `${group(settled)}/${about}${group(event.total)} rows`,
    `${group(event.created)} created`,
    ...(event.updated > 0 ? [`${group(event.updated)} updated`] : []),
    `${group(event.skipped)} skipped`,
    `${group(event.failed)} failed`,
    `${perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond)}/s`,
    ...(left > 0 && perSecond > 0 ? [`${duration(left / perSecond)} left`] : []),
  ];
  return parts.join(' · ');
}

export function group(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ' ');
}

export function duration(seconds: number): string {
  const s = Math.ceil(seconds);
  const [h, m] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

export class ProgressDisplay {
  private samples: { ms: number; settled: number }[] = [];
  private shownMs: number;
  private lastLine = '';

  constructor(
    private readonly out: NodeJS.WriteStream,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.shownMs = nowMs();
  }

  show(event: ProgressEvent): void {
    const ms = this.nowMs();
    const settled = settledRows(event);
    this.samples.push({ ms, settled });
    while (this.samples.length > 2 && ms - this.samples[0]!.ms > SPEED_OVER_MS) this.samples.shift();
    const first = this.samples[0]!;
    const perSecond = ms > first.ms ? ((settled - first.settled) / (ms - first.ms)) * 1000 : 0;
    const line = progressLine(event, perSecond);
    if (this.out.isTTY) {
      this.out.write(`\r\u001b[K${line.slice(0, Math.max(20, (this.out.columns ?? 80) - 1))}`);
    } else if (ms - this.shownMs >= PLAIN_EVERY_MS && line !== this.lastLine) {
      this.out.write(`${line}\n`);
      this.shownMs = ms;
    }
    this.lastLine = line;
  }

  /** Clears the line so that other text may follow. */
  end(): void {
    if (this.out.isTTY && this.lastLine !== '') this.out.write('\r\u001b[K');
  }
}
