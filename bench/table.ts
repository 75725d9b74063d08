/** Figures in words: medians, numbers, and a result as aligned text or as markdown. */
import type { Column, Result } from './scenario.js';

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Between two values: in proportion. NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)] ?? NaN, sorted[Math.ceil(at)] ?? NaN];
  return low + (high - low) * (at - Math.floor(at));
}

/** `28 800`, `0.31`; a dash for what could not be told. */
export function number(value: number, digits = 0): string {
  if (!Number.isFinite(value)) return '–';
  return value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ' ');
}

/** `1.23×` */
export const times = (value: number): string => (Number.isFinite(value) ? `${value.toFixed(2)}×` : '–');

export const percent = (share: number): string => `${number(share * 100, 1)} %`;

/** A promise and whether it is met: `ahead of the loop: yes (1.31×)`. */
export function goal(promise: string, met: boolean, ...figures: string[]): string {
  return `${promise}: ${met ? 'yes' : 'no'} (${figures.join(', ')})`;
}

export function asText(result: Result): string {
  const lines = cells(result);
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  // First column to the left, the others to the right.
  const [head, ...rest] = lines.map((line) =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
  );
  const { name, question } = result.scenario;
  return [
    `${name}: ${question}`,
    result.about,
    head,
    '─'.repeat(head!.length),
    ...rest,
    ...conclusions(result),
  ].join('\n');
}

/** `on`: when, on which code and machine. */
export function asMarkdown(result: Result, on: string): string {
  const [head, ...rest] = cells(result);
  const line = (of: readonly string[]) => `| ${of.join(' | ')} |`;
  const rule = `|${head!.map((_, i) => (i === 0 ? '---' : '--:')).join('|')}|`;
  const { name, question } = result.scenario;
  const told = conclusions(result).map((sentence) => `- ${sentence}`);
  return [
    `## ${name}`,
    '',
    `${question} ${result.about}.`,
    '',
    `${on}.`,
    '',
    line(head!),
    rule,
    ...rest.map(line),
    '',
    ...told,
  ]
    .join('\n')
    .trimEnd();
}

function conclusions(result: Result): string[] {
  return result.scenario.conclude?.(result) ?? [];
}

function cells(result: Result): string[][] {
  const { columns } = result.scenario;
  const head = columns.flatMap(({ title, ratio }) => (ratio ? [title, '÷'] : [title]));
  const lines = result.cases.map(({ title, base }) => [
    title,
    ...columns.flatMap((column) => {
      const cell = cellOf(column, result.values(title, column.key));
      if (!column.ratio) return [cell];
      return [cell, base === undefined ? '' : number(result.ratio(title, base, column.key), 2)];
    }),
  ]);
  return [['', ...head], ...lines];
}

function cellOf({ digits, spread }: Column, values: readonly number[]): string {
  const middle = number(median(values), digits);
  if (!spread || values.length < 2) return middle;
  return `${middle} (${number(Math.min(...values), digits)}–${number(Math.max(...values), digits)})`;
}
