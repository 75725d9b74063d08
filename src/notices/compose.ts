/** From the end of a run, or its absence, to what is told of it. */
import type { NotificationEntry, RunEvent } from '../config/notifications.js';
import type { RunPlan } from '../run.js';
import type { Notice, NoticeEvent, RunNumbers } from './notice.js';
import { missingText, runText } from './text.js';

export interface RunEnd {
  plan: Pick<RunPlan, 'run' | 'sync' | 'destination' | 'source'>;
  event: RunEvent;
  atMs: number;
  /** A run can halt or fail once under each epoch, and then go on. */
  epoch: number | string;
  /** Why, in words of our own: an API may quote a contact. */
  message?: string;
  numbers?: RunNumbers & { reports: { dir: string } };
}

/** What of an end `entry` wants to be told; undefined: nothing. */
export function noticeOf(end: RunEnd, entry: NotificationEntry): Notice | undefined {
  const { plan, numbers } = end;
  if (entry.syncs && !entry.syncs.includes(plan.sync ?? '')) return undefined;
  const { failedShare } = entry;
  const share = numbers && numbers.rows > 0 ? numbers.failed / numbers.rows : 0;
  const tooMany = end.event === 'finished' && failedShare !== undefined && share > failedShare;
  if (!tooMany && !entry.on.includes(end.event)) return undefined;
  const { run, sync, destination } = plan;
  const event = tooMany ? 'failed_share' : end.event;
  const again = event === 'halted' || event === 'failed' ? `-${end.epoch}` : '';
  const source = withoutAddresses(plan.source.name);
  const message = end.message && oneLine(withoutAddresses(end.message));
  const next = nextStep(event, run, numbers);
  return {
    id: `${run}-${event}${again}`,
    event,
    at: new Date(end.atMs).toISOString(),
    text: runText({ event, source, destination, message, numbers, failedShare }),
    ...(next === undefined ? {} : { next }),
    run,
    ...(sync === undefined ? {} : { sync }),
    destination,
    source,
    ...(numbers && { ...only(numbers), report_dir: numbers.reports.dir }),
  };
}

/** Nothing of what `entry` expects has come between two moments, ms. */
export function missingNotice(
  { name, expect }: NotificationEntry,
  sinceMs: number,
  byMs: number,
  nowMs: number,
): Notice {
  const sync = expect?.sync;
  const timezone = expect?.timezone ?? 'UTC';
  return {
    id: `missing-${name}-${new Date(byMs).toISOString().replace(/[-:]|\.\d+/g, '')}`,
    event: 'missing',
    at: new Date(nowMs).toISOString(),
    text: missingText({ sync, timezone, sinceMs, byMs }),
    ...(sync === undefined ? {} : { sync }),
    since: new Date(sinceMs).toISOString(),
    by: new Date(byMs).toISOString(),
  };
}

export function testNotice({ name }: NotificationEntry, nowMs: number): Notice {
  return {
    id: `test-${name}-${nowMs}`,
    event: 'test',
    at: new Date(nowMs).toISOString(),
    text: `This is a test of "${name}": notices of rowferry arrive here.`,
  };
}

const HALTS: Record<string, string> = {
  http_401: 'it refused the credentials (HTTP 401)',
  http_402: 'plan or quota of the account do not allow it (HTTP 402)',
  http_403: 'it does not allow the account to do this (HTTP 403)',
  rejected_alike: 'the first rows were all rejected alike; the mapping is probably wrong',
  wait_too_long: 'it asks to wait for longer than max_wait allows',
};

/** Why a run was halted, without the words of the API. */
export function haltWords(code = ''): string {
  return HALTS[code] ?? `it refused${/^\w{1,40}$/.test(code) ? ` (${code})` : ''}`;
}

function nextStep(event: NoticeEvent, run: string, numbers?: RunNumbers): string | undefined {
  if (event === 'halted' || event === 'failed') return `rowferry runs resume ${run}`;
  return numbers?.failed ? `rowferry runs retry ${run}` : undefined;
}

function only(numbers: RunNumbers): RunNumbers {
  const { rows, created, updated, skipped, failed, unprocessed, reasons } = numbers;
  const { started_at, finished_at, duration_ms } = numbers;
  return {
    rows,
    created,
    updated,
    skipped,
    failed,
    unprocessed,
    reasons,
    started_at,
    finished_at,
    duration_ms,
  };
}

/** File names and sentences may hold an e-mail address, which may be a contact's. */
function withoutAddresses(text: string): string {
  return text.replace(/[^\s@<>"'(),;:]+@[^\s@<>"'(),;:]+/g, '***');
}

const LONGEST_MESSAGE = 500;

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE - 1)}…` : line;
}
