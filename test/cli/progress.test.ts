import { expect, test } from 'vitest';
import { ProgressDisplay, progressLine, waitingText } from '../../src/cli/progress.js';
import type { RunProgress } from '../../src/index.js';

const NOW = Date.parse('2026-01-31T12:00:00Z');

const progress = (change: Partial<RunProgress> = {}): RunProgress => ({
  rows: 100,
  created: 20,
  updated: 0,
  skipped: 3,
  failed: 1,
  requests: 24,
  retries: 0,
  throttled: 0,
  total: 5_000,
  readAll: true,
  ...change,
});
const down = (seconds: number) => ({
  waiting: { why: 'acme does not answer: HTTP 503', untilMs: NOW + seconds * 1000 },
});

/** A display on a stream of ours, and a clock that goes on by the second. */
function display(isTTY: boolean, columns?: number) {
  const out = { isTTY, columns, text: '', write: (text: string) => (out.text += text) };
  let ms = 0;
  const shown = new ProgressDisplay(
    out as unknown as NodeJS.WriteStream,
    () => ms,
    () => NOW,
  );
  return (event: RunProgress, afterMs = 1_000) => {
    ms += afterMs;
    out.text = '';
    shown.show(event);
    return out.text;
  };
}

test('a near moment is counted down, a later one is a time of day', () => {
  expect(waitingText({ why: 'acme asked to wait' }, NOW)).toBe('acme asked to wait');
  expect(waitingText({ why: 'acme asked to wait', untilMs: NOW + 4_200 }, NOW)).toBe(
    'acme asked to wait; next try in 4 s',
  );
  expect(waitingText({ why: 'acme asked to wait', untilMs: NOW - 1 }, NOW)).toBe(
    'acme asked to wait; trying again',
  );
  const later = NOW + 200_000;
  expect(waitingText({ why: 'acme asked to wait', untilMs: later }, NOW)).toBe(
    `acme asked to wait; next try at ${new Date(later).toTimeString().slice(0, 8)}`,
  );
});

test('a line says why nothing moves; what is too long for it loses words, not the moment', () => {
  const event = progress(down(4));
  expect(progressLine(event, 0, NOW)).toBe('24/5 000 rows · acme does not answer: HTTP 503; next try in 4 s');
  expect(progressLine(event, 0, NOW, 50)).toBe('24/5 000 rows · acme does not an…; next try in 4 s');
});

test('on a terminal every beat rewrites the line, whatever its width', () => {
  const show = display(true, 40);
  expect(show(progress(down(4)))).toBe('\r\u001b[J24/5 000 rows · acme …; next try in 4 s');
  expect(show(progress(down(3)))).toContain('next try in 3 s');
  expect(display(true, 0)(progress(down(4)))).toContain('HTTP 503; next try in 4 s'); // unknown: 80
});

test('a narrow line leaves out whole parts, those that matter least first', () => {
  const event = progress({ created: 76, failed: 2, total: 400 });
  const line = (width: number) => progressLine(event, 18, NOW, width);
  expect(line(80)).toBe('81/400 rows · 76 created · 3 skipped · 2 failed · 18/s · 0:18 left');
  expect(line(60)).toBe('81/400 rows · 76 created · 3 skipped · 2 failed · 0:18 left');
  expect(line(40)).toBe('81/400 rows · 2 failed · 0:18 left');
  expect(line(23)).toBe('81/400 rows · 0:18 left');
  expect(line(12)).toBe('81/400 rows');
  const shown = display(true, 66)(progress({ created: 3_020, requests: 3_200, retries: 12, throttled: 7 }));
  expect(shown).toMatch(/\n3 020 created · 3 skipped · 1 failed · 0\.0\/s\r/);
});

test('where there is room, a bar and how far it is, below it what became of the rows, or why nothing moves', () => {
  const show = display(true, 100);
  show(progress());
  const shown = show(progress({ created: 3_020, failed: 7, requests: 3_200, retries: 12, readAll: false }));
  expect(shown).toBe(
    `\r\u001b[J${'█'.repeat(14)}${'░'.repeat(10)}  ~60 % · 3 030/~5 000 rows · 0:01 left\n` +
      '3 020 created · 3 skipped · 7 failed · 3 006/s · 3 200 requests, 12 of them again\r\u001b[1A',
  );
  expect(show(progress(down(4)))).toContain(
    '24/5 000 rows\nacme does not answer: HTTP 503; next try in 4 s\r',
  );
  const narrow = display(true, 70);
  const long = narrow(
    progress({ created: 4_000_000, total: 9_000_000, requests: 4_000_000, retries: 90_000 }),
  );
  for (const line of long.replace('\r\u001b[1A', '').split('\n')) expect(line.length).toBeLessThan(75);
});

test('elsewhere a wait is one line, at once, and the end of it another', () => {
  const show = display(false);
  expect(show(progress())).toBe('');
  expect(show(progress(down(4)))).toBe('24/5 000 rows · acme does not answer: HTTP 503; next try in 4 s\n');
  expect(show(progress(down(3)))).toBe('');
  expect(show(progress(down(9)), 60_000)).toBe('');
  expect(show(progress({ waiting: { why: 'Redis does not answer' } }))).toBe(
    '24/5 000 rows · Redis does not answer\n',
  );
  expect(show(progress({ created: 30 }), 5_000)).toMatch(/^34\/5 000 rows · 30 created/);
  expect(show(progress(down(4)))).toContain('HTTP 503');
});
