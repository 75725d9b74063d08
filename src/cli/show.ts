/** Summaries and runs as text. */
import {
  type DestinationView,
  EXIT,
  type Rate,
  type Rowferry,
  type RunView,
  type Summary,
} from '../index.js';
import { type Kinds, loadStatus } from '../run.js';
import { counted, duration, group, settledRows, waitingText } from './progress.js';
import { cutTo } from './text.js';

/** The exit code a run's end deserves. */
export function exitCodeOf(summary: Summary): number {
  if (summary.state === 'halted') return EXIT.halted;
  if (summary.state === 'cancelled') return EXIT.cancelled;
  return summary.failed > 0 ? EXIT.rowsFailed : EXIT.ok;
}

const REASON_STATUS: [keyof Summary['reasons'], 'created' | 'skipped' | 'failed' | 'unprocessed'][] = [
  ['confirmed_on_retry', 'created'],
  ['duplicate_email', 'skipped'],
  ['duplicate_external_id', 'skipped'],
  ['duplicate_contact', 'skipped'],
  ['already_synced', 'skipped'],
  ['invalid', 'failed'],
  ['rejected', 'failed'],
  ['retries_exhausted', 'failed'],
  ['unconfirmed', 'failed'],
  ['cancelled', 'unprocessed'],
  ['halted', 'unprocessed'],
];

/** The summary of a run of this data dir, as a person reads it. */
export function describe({ settings }: Rowferry, summary: Summary): string {
  return summaryText(summary, loadStatus(settings.dataDir, summary.run).kinds);
}

export function summaryText(summary: Summary, kinds?: Kinds): string {
  const lines = [`${summary.source.name} → ${summary.destination}: ${summary.state}, ${paceText(summary)}`];
  for (const status of ['created', 'updated', 'skipped', 'failed', 'unprocessed'] as const) {
    if (summary[status] === 0 && (status === 'updated' || status === 'unprocessed')) continue;
    const why =
      status === 'failed' && kinds
        ? kindsText(kinds.failed, summary.failed)
        : reasonsText(summary, status, kinds?.repeats);
    lines.push(`  ${status.padEnd(12)}${group(summary[status]).padStart(9)}${why ? `   ${why}` : ''}`);
  }
  if (summary.message) lines.push(`  ${summary.message}`);
  if (summary.retry_of) lines.push(`  retry of run ${summary.retry_of}`);
  lines.push(`  report: ${summary.reports.dir}`);
  return `${lines.join('\n')}\n`;
}

/** `8 rows in 0:01 (8.2/s, 8 requests)`, `120 of 5 000 rows in 0:12 (10.1/s, 121 requests)` */
function paceText(summary: Summary): string {
  const { rows, unprocessed, duration_ms, rows_per_second } = summary;
  const done = rows - unprocessed;
  const perSecond = unprocessed === 0 ? rows_per_second : Math.round((done / duration_ms) * 10_000) / 10;
  const all = `${unprocessed === 0 ? '' : `${group(done)} of `}${counted(rows, 'row')}`;
  const seconds = Math.max(1, Math.round(duration_ms / 1000));
  return `${all} in ${duration(seconds)} (${perSecond || 0}/s, ${counted(summary.requests, 'request')})`;
}

/** `invalid email 10, rejected plan 2, others 3` */
function kindsText(counted: Record<string, number>, all: number): string {
  const told = Object.entries(counted);
  const others = all - told.reduce((sum, [, rows]) => sum + rows, 0);
  return [...told, ...(others > 0 ? [['others', others] as const] : [])]
    .map(([kind, rows]) => `${kind} ${group(rows)}`)
    .join(', ');
}

/** `duplicate_email 3 (1 in the file), duplicate_external_id 1` */
function reasonsText({ reasons }: Summary, status: string, repeats: Kinds['repeats'] = {}): string {
  return REASON_STATUS.filter(([reason, of]) => of === status && reasons[reason])
    .map(([reason]) => {
      const repeating = repeats[reason] ? ` (${group(repeats[reason])} in the file)` : '';
      return `${reason} ${group(reasons[reason]!)}${repeating}`;
    })
    .join(', ');
}

export function runText(view: RunView, summary: string | undefined): string {
  const { progress, state } = view;
  const over = summary !== undefined && state !== 'running';
  const what = `${view.source} → ${view.destination}: ${state}`;
  const lines = [
    // The summary begins with the same words, unless the run has moved on since.
    over && view.summary?.state === state ? view.run : `${view.run}  ${what}`,
    `  added ${moment(view.createdAt)}${view.startedAt ? `, started ${moment(view.startedAt)}` : ''}${view.finishedAt ? `, ended ${moment(view.finishedAt)}` : ''}`,
  ];
  if (view.retryOf && !over) lines.push(`  retry of run ${view.retryOf}`);
  if (view.message && !over) lines.push(`  ${view.message}`);
  if (progress.waiting) lines.push(`  ${waitingText(progress.waiting, Date.now())}`);
  if (state === 'interrupted') lines.push(`  Go on with: rowferry runs resume ${view.run}`);
  if (view.late) lines.push(`  ${counted(view.late, 'outcome')} arrived after the run was closed`);
  if (over) return `${lines.join('\n')}\n${summary}`;
  const all = `${progress.readAll ? '' : 'about '}${counted(progress.total, 'row')}`;
  if (state === 'queued') lines.push(`  ${all}; waits for the service of this data dir: rowferry start`);
  else {
    const updated = progress.updated > 0 ? `${group(progress.updated)} updated, ` : '';
    lines.push(
      `  ${group(settledRows(progress))} of ${all} settled${shareText(progress)}: ${group(progress.created)} created, ${updated}${group(progress.skipped)} skipped, ${group(progress.failed)} failed`,
      `  ${counted(progress.requests, 'request')}, ${counted(progress.retries, 'retry', 'retries')}, ${group(progress.throttled)} throttled`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** ` (27 %)`; with an estimate of all rows ` (~27 %)` */
function shareText(progress: RunView['progress']): string {
  if (progress.total === 0) return '';
  const share = Math.min(100, Math.floor((100 * settledRows(progress)) / progress.total));
  return ` (${progress.readAll ? '' : '~'}${share} %)`;
}

/** `2026-01-31T23:59:59Z` */
export function moment(iso: string): string {
  return iso.replace(/\.\d+Z$/, 'Z');
}

/** One line a run, no wider than `width` columns. */
export function runsTable(views: readonly RunView[], width = Number.POSITIVE_INFINITY): string {
  const rows = views.map((view) => [
    view.run,
    view.state,
    `${group(settledRows(view.progress))}/${view.progress.readAll ? '' : '~'}${group(view.progress.total)}`,
    group(view.progress.created),
    group(view.progress.updated),
    group(view.progress.skipped),
    group(view.progress.failed),
    `${view.source} → ${view.destination}`,
  ]);
  const head = ['RUN', 'STATE', 'ROWS', 'CREATED', 'UPDATED', 'SKIPPED', 'FAILED', 'SOURCE'];
  const lines = columns([head, ...rows]).split('\n');
  return lines.map((line) => cutTo(line, width)).join('\n');
}

/** Columns as wide as their widest cell. */
export function columns(table: readonly (readonly string[])[]): string {
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  return table
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

const UNITS: [perMs: number, unit: string][] = [
  [1_000, 's'],
  [60_000, 'min'],
  [3_600_000, 'h'],
];

/** `10/s`, as it is given; `10/5 s` where it cannot be given. */
export function rateText(rate: Rate | null): string {
  if (rate === null) return 'none';
  const unit = UNITS.find(([perMs]) => perMs === rate.perMs)?.[1];
  return `${rate.requests}/${unit ?? `${rate.perMs / 1000} s`}`;
}

/** One line a destination. */
export function destinationsTable(views: readonly DestinationView[]): string {
  const rows = views.map(({ name, account, rate, perSecond, runs, waiting }) => [
    name,
    account,
    rateText(rate),
    perSecond === undefined ? '-' : perSecond === null ? 'unlimited' : `${perSecond}/s`,
    String(runs.length),
    waiting ? waitingText(waiting, Date.now()) : 'open',
  ]);
  return columns([['NAME', 'ACCOUNT', 'RATE', 'NOW', 'RUNS', 'STATE'], ...rows]);
}

export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
