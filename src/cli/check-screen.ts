/** The screen of `rowferry check`. */
import { createColors } from 'picocolors';
import type { Check, CheckedColumn, InvalidKind } from '../index.js';
import { counted, duration, group } from './progress.js';
import { rateText } from './show.js';
import { cutTo, pad, shown, widthOf, wrap } from './text.js';

export interface ScreenOptions {
  /** Of the terminal. */
  width: number;
  color: boolean;
  /** The command that sends what was checked. */
  next: string;
}

type Colors = ReturnType<typeof createColors>;

/** Below this two columns beside each other cannot be read. */
const NARROW = 60;
const MOST_KINDS = 12;

export function checkScreen(check: Check, { width, color, next }: ScreenOptions): string {
  const colors = createColors(color);
  const parts = [
    head(check, width, colors),
    columnTable(check.columns, width, colors),
    outcomes(check, width, colors),
    warnings(check, width, colors),
    ending(check, next, width, colors),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function head({ source, destination, dialect }: Check, width: number, { bold, dim, yellow }: Colors): string {
  const lines = [`${bold(`${shown(source.name)} → ${destination}`)}  ${dim(sizeText(source.bytes))}`];
  const widest = Math.max(0, ...dialect.found.map(({ what }) => what.length));
  for (const { what, value, why, unsure } of dialect.found) {
    const line = cutTo(`  ${pad(what, widest)}  ${shown(value)} (${shown(why)})`, width);
    lines.push(unsure ? yellow(line) : dim(line));
  }
  return lines.join('\n');
}

export function columnTable(columns: readonly CheckedColumn[], width: number, { bold, dim }: Colors): string {
  const rows = columns.map(({ from, field, samples }) => ({
    from: from === '' ? '(no name)' : shown(from),
    field: field === undefined ? '–' : shown(field),
    values: samples.map(shown).join(' · '),
    sent: field !== undefined,
  }));
  if (width < NARROW) {
    return rows
      .map(({ from, field, values, sent }) => {
        const line = cutTo(`${from} → ${sent ? field : 'not sent'}`, width);
        return values === '' ? line : `${line}\n  ${dim(cutTo(values, width - 2))}`;
      })
      .join('\n');
  }
  const widest = (texts: string[], most: number) => Math.min(most, Math.max(...texts.map(widthOf)));
  const from = widest(['COLUMN', ...rows.map((row) => row.from)], Math.floor(width * 0.3));
  const field = widest(['FIELD', ...rows.map((row) => row.field)], Math.floor(width * 0.3));
  const rest = width - from - field - 4;
  const line = (a: string, b: string, c: string) =>
    `${pad(cutTo(a, from), from)}  ${pad(cutTo(b, field), field)}  ${c}`.trimEnd();
  return [
    bold(line('COLUMN', 'FIELD', 'FIRST VALUES')),
    ...rows.map((row) => {
      const text = line(row.from, row.field, cutTo(row.values, rest));
      return row.sent ? text : dim(text);
    }),
  ].join('\n');
}

function outcomes(check: Check, width: number, { bold, red, dim }: Colors): string {
  const { rows, created, skipped, failed, destination } = check;
  const lines = [bold(`${counted(rows, 'row')}, if ${destination} is empty and takes what it is sent`)];
  const count = (name: string, n: number, why = '') =>
    `  ${name.padEnd(9)}${group(n).padStart(9)}${why === '' ? '' : `   ${why}`}`;
  const repeats = Object.entries(check.reasons)
    .filter(([reason]) => reason.startsWith('duplicate_'))
    .map(([reason, n]) => `${reason} ${group(n)}`)
    .join(', ');
  lines.push(count('created', created), count('skipped', skipped, repeats));
  for (const { row, repeats, reason } of check.repeats) {
    const what = reason.replace('duplicate_', '');
    lines.push(dim(`${' '.repeat(23)}row ${group(row)} has the ${what} of row ${group(repeats)}`));
  }
  lines.push(failed > 0 ? red(count('failed', failed, 'invalid')) : count('failed', failed));
  for (const kind of check.invalid.slice(0, MOST_KINDS)) lines.push(...invalidLines(kind, width, dim));
  const more = check.invalid.length - MOST_KINDS;
  if (more > 0) lines.push(dim(`${' '.repeat(23)}and ${counted(more, 'other reason')}`));
  return lines.join('\n');
}

function invalidLines({ field, code, message, rows, first }: InvalidKind, width: number, dim: Colors['dim']) {
  const indent = ' '.repeat(width < NARROW ? 4 : 23);
  const what = [shown(field), code].filter(Boolean).join(' ');
  const where = first.map(({ row, line }) => `${group(row)} (line ${group(line)})`).join(', ');
  const more = rows > first.length ? ', …' : '';
  const lines = [`${indent}${what} ${group(rows)}: ${rows === 1 ? 'row' : 'rows'} ${where}${more}`];
  if (message !== '') lines.push(dim(`${indent}  ${wrap(shown(message), width - 2, `${indent}  `)}`));
  return lines;
}

function warnings({ warnings, remarks }: Check, width: number, { bold, yellow, dim }: Colors): string {
  if (warnings.length + remarks.length === 0) return '';
  const lines = warnings.map((sentence) => shown(sentence));
  for (const { column, says, examples } of remarks) {
    lines.push(
      `${shown(column)}: ${says}${dim(` (${examples.map((one) => cutTo(shown(one), 40)).join(', ')})`)}`,
    );
  }
  return [bold('Look at'), ...lines.map((line) => `  ${yellow('!')} ${wrap(line, width, '    ')}`)].join(
    '\n',
  );
}

function ending(check: Check, next: string, width: number, { bold }: Colors): string {
  const { requests, rate, seconds, unset, report, failed } = check;
  const time =
    seconds === null ? 'as fast as they are answered' : `at ${rateText(rate)} ${timeText(seconds)}`;
  const lines = [`About ${counted(requests, 'request')}, ${time}. Nothing was sent.`];
  if (report) lines.push(`What a run would report: ${report.dir}`);
  if (failed > 0)
    lines.push('Rows that fail are reported by the run, too: mend them there, or in the file first.');
  if (unset !== undefined) lines.push(`Set ${unset} in the environment or in .env first.`);
  return [...lines.map((line) => wrap(line, width, '')), `Next: ${bold(next)}`].join('\n');
}

function timeText(seconds: number): string {
  return seconds < 1 ? 'less than a second' : duration(seconds);
}

function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  if (bytes < 1_000_000) return `${(bytes / 1e3).toFixed(0)} KB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
