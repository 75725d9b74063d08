/** Summaries and runs as text. */
import { EXIT, type Rowferry, type RunView, type Summary } from '../index.js';
import { type Kinds, loadStatus } from '../run.js';
import { counted, duration, group, settledRows, waitingText } from './progress.js';

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
  const lines = [
    `${summary.source.name} → ${summary.destination}: ${summary.state}, ${counted(summary.rows, 'row')} in ${duration(summary.duration_ms / 1000)} (${summary.rows_per_second}/s, ${counted(summary.requests, 'request')})`,
  ];
  for (const status of ['created', 'updated', 'skipped', 'failed', 'unprocessed'] as const) {
    if (summary[status] === 0 && (status === 'updated' || status === 'unprocessed')) continue;
    const why =
      status === 'failed' && kinds
        ? kindsText(kinds.failed, summary.failed)
        : reasonsText(summary, status, kinds?.repeats);
    lines.push(`  ${status.padEnd(12)}${group(summary[status]).padStart(9)}${why ? `   ${why}` : ''}`);
  }
  if (summary.message) lines.push(`  ${summary.message}`);
  lines.push(`  report: ${summary.reports.dir}`);
  return `${lines.join('\n')}\n`;
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
  const { progress } = view;
  const lines = [
    `${view.run}  ${view.source} → ${view.destination}: ${view.state}`,
    `  added ${view.createdAt}${view.startedAt ? `, started ${view.startedAt}` : ''}${view.finishedAt ? `, ended ${view.finishedAt}` : ''}`,
  ];
  if (view.message) lines.push(`  ${view.message}`);
  if (progress.waiting) lines.push(`  ${waitingText(progress.waiting, Date.now())}`);
  if (view.state === 'interrupted') lines.push(`  Go on with: rowferry runs resume ${view.run}`);
  if (view.late) lines.push(`  ${counted(view.late, 'outcome')} arrived after the run was closed`);
  if (summary !== undefined && view.state !== 'running') return `${lines.join('\n')}\n${summary}`;
  lines.push(
    `  ${group(settledRows(progress))} of ${progress.readAll ? '' : 'about '}${counted(progress.total, 'row')} settled: ${group(progress.created)} created, ${group(progress.updated)} updated, ${group(progress.skipped)} skipped, ${group(progress.failed)} failed`,
    `  ${counted(progress.requests, 'request')}, ${counted(progress.retries, 'retry', 'retries')}, ${group(progress.throttled)} throttled`,
  );
  return `${lines.join('\n')}\n`;
}

/** One line a run. */
export function runsTable(views: readonly RunView[]): string {
  const rows = views.map((view) => [
    view.run,
    view.state,
    `${group(settledRows(view.progress))}/${view.progress.readAll ? '' : '~'}${group(view.progress.total)}`,
    group(view.progress.created),
    group(view.progress.skipped),
    group(view.progress.failed),
    `${view.source} → ${view.destination}`,
  ]);
  const table = [['RUN', 'STATE', 'ROWS', 'CREATED', 'SKIPPED', 'FAILED', 'SOURCE'], ...rows];
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

export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
