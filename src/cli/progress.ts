/** What a person sees while a run is under way: two lines that are rewritten on a terminal, a plain one now and then elsewhere. */
import { createColors } from 'picocolors';
import type { Progress, RunProgress, Waiting } from '../index.js';

const PLAIN_EVERY_MS = 5_000;
const SPEED_OVER_MS = 10_000;
/** To the start of the line, and nothing from there on. */
export const CLEAR = '\r\u001b[J';
const UP = '\r\u001b[1A';
const BAR = 24;
/** On a narrower terminal there is one line. */
const WIDE = 64;

export function settledRows(event: Progress): number {
  return event.created + event.updated + event.skipped + event.failed;
}

/**
 * `1 234/5 000 rows · 1 100 created · 120 skipped · 14 failed · 98/s · 0:38 left`, or
 * `1 234/5 000 rows · sendmator does not answer: HTTP 503; next try in 4 s`
 */
export function progressLine(event: RunProgress, perSecond: number, nowMs: number, width = 1_000): string {
  const settled = settledRows(event);
  const left = event.total - settled;
  const about = event.readAll ? '' : '~';
  const rows = `${group(settled)}/${about}${counted(event.total, 'row')}`;
  if (event.waiting) {
    const over = `${rows} · ${waitingText(event.waiting, nowMs)}`.length - width;
    const { why } = event.waiting;
    const fitting = over > 0 ? `${why.slice(0, -over - 1)}…` : why; // when it goes on must not be cut off
    return `${rows} · ${waitingText({ ...event.waiting, why: fitting }, nowMs)}`;
  }
  const told = outcomes(event).map(([text]) => text);
  const timeLeft = left > 0 && perSecond > 0 ? [`${duration(left / perSecond)} left`] : [];
  const parts = [rows, ...told, `${speed(perSecond)}/s`, ...timeLeft];
  // What a person looks for first keeps its place longest.
  return fitting(parts, [rows, ...timeLeft, ...told.toReversed(), ...parts], width).join(' · ');
}

/** Those of `parts`, in their order, for which there is room; `weight`: the same, the most important first. */
function fitting(parts: readonly string[], weight: readonly string[], width: number): string[] {
  let kept: string[] = [];
  for (const part of weight) {
    if (kept.includes(part)) continue;
    const more = parts.filter((one) => one === part || kept.includes(one));
    if (kept.length === 0 || more.join(' · ').length <= width) kept = more;
  }
  return kept;
}

function speed(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : group(Math.round(perSecond));
}

type Colour = 'green' | 'cyan' | 'yellow' | 'red' | 'dim';

function outcomes({ created, updated, skipped, failed }: Progress): [text: string, colour: Colour][] {
  return [
    [`${group(created)} created`, 'green'],
    ...(updated > 0 ? [[`${group(updated)} updated`, 'cyan'] as [string, Colour]] : []),
    [`${group(skipped)} skipped`, skipped > 0 ? 'yellow' : 'dim'],
    [`${group(failed)} failed`, failed > 0 ? 'red' : 'dim'],
  ];
}

/**
 * `██████░░░░  61 % · 1 234/2 000 rows · 0:38 left` and below it
 * `1 100 created · 120 skipped · 14 failed · 98/s · 1 250 requests, 16 of them again`, or why nothing is sent.
 */
function wideLines(event: RunProgress, perSecond: number, nowMs: number, width: number, coloured: boolean) {
  const settled = settledRows(event);
  const share = event.total > 0 ? Math.min(1, settled / event.total) : 1;
  const full = Math.floor(share * BAR);
  const left = event.total - settled;
  const about = event.readAll ? '' : '~';
  const first = [
    `${about}${Math.floor(share * 100)} %`,
    `${group(settled)}/${about}${counted(event.total, 'row')}`,
    ...(left > 0 && perSecond > 0 && !event.waiting ? [`${duration(left / perSecond)} left`] : []),
  ].join(' · ');
  const tries = event.retries > 0 ? `, ${group(event.retries)} of them again` : '';
  const throttled = event.throttled > 0 ? `, ${group(event.throttled)} throttled` : '';
  const second: [string, Colour | undefined][] = event.waiting
    ? [[waitingText(event.waiting, nowMs), 'yellow']]
    : [
        ...outcomes(event),
        [`${speed(perSecond)}/s`, undefined],
        [`${counted(event.requests, 'request')}${tries}${throttled}`, 'dim'],
      ];
  const colours = createColors(coloured);
  const bar = `${colours.green('█'.repeat(full))}${colours.dim('░'.repeat(BAR - full))}`;
  const plain = second.map(([text]) => text);
  const fit = fitting(plain, plain, width);
  const told = second.filter(([text]) => fit.includes(text));
  const painted = told.map(([text, colour]) => (colour ? colours[colour](text) : text)).join(' · ');
  return [
    `${bar}  ${first.slice(0, width - BAR - 2)}`,
    fit.join(' · ').length > width ? fit.join(' · ').slice(0, width) : painted,
  ];
}

/** A moment that is near is counted down, a later one told by the clock on the wall. */
export function waitingText({ why, untilMs }: Waiting, nowMs: number): string {
  if (untilMs === undefined) return why;
  if (untilMs <= nowMs) return `${why}; trying again`;
  const seconds = Math.max(1, Math.floor((untilMs - nowMs) / 1000)); // it was rounded up before
  if (seconds <= 60) return `${why}; next try in ${seconds} s`;
  return `${why}; next try at ${new Date(untilMs).toTimeString().slice(0, 8)}`;
}

export function group(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** `1 row`, `20 000 rows` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${group(count)} ${count === 1 ? one : many}`;
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
  private toldWhy: string | undefined;

  constructor(
    private readonly out: NodeJS.WriteStream,
    private readonly nowMs: () => number = () => performance.now(),
    private readonly wallMs: () => number = () => Date.now(),
  ) {
    this.shownMs = nowMs();
  }

  show(event: RunProgress): void {
    const ms = this.nowMs();
    const settled = settledRows(event);
    this.samples.push({ ms, settled });
    while (this.samples.length > 2 && ms - this.samples[0]!.ms > SPEED_OVER_MS) this.samples.shift();
    const first = this.samples[0]!;
    const perSecond = ms > first.ms ? ((settled - first.settled) / (ms - first.ms)) * 1000 : 0;
    const width = this.out.isTTY ? Math.max(20, (this.out.columns || 80) - 1) : undefined;
    const line = progressLine(event, perSecond, this.wallMs(), width);
    if (width !== undefined && width >= WIDE) {
      const coloured = this.out.hasColors?.() ?? false;
      const lines = wideLines(event, perSecond, this.wallMs(), width, coloured);
      // The cursor rests where the first line begins: whoever else has something to say clears both.
      this.out.write(`${CLEAR}${lines.join('\n')}${UP}`);
    } else if (width !== undefined) {
      this.out.write(`${CLEAR}${line.slice(0, width)}`);
    } else if (this.isNews(event, line, ms)) {
      this.out.write(`${line}\n`);
      this.shownMs = ms;
      this.toldWhy = event.waiting?.why;
    }
    this.lastLine = line;
  }

  /** Off a terminal: why it waits is told once and at once, how far it is now and then. */
  private isNews({ waiting }: RunProgress, line: string, ms: number): boolean {
    if (waiting) return waiting.why !== this.toldWhy;
    return ms - this.shownMs >= PLAIN_EVERY_MS && line !== this.lastLine;
  }

  /** Clears the lines so that other text may follow. */
  end(): void {
    if (this.out.isTTY && this.lastLine !== '') this.out.write(CLEAR);
  }
}
