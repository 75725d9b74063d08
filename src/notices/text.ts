/** Notices in words that a person understands: one sentence each, and around it what Slack and e-mail need. */
import { DateTime } from 'luxon';
import type { Notice, RunNumbers } from './notice.js';

export function runText(told: {
  event: Notice['event'];
  source: string;
  destination: string;
  message: string | undefined;
  numbers: RunNumbers | undefined;
  failedShare: number | undefined;
}): string {
  const { event, source, destination, message, numbers, failedShare = 0 } = told;
  const about = `${source} → ${destination}`;
  switch (event) {
    case 'failed':
      return `${about} failed: ${message}`;
    case 'halted':
      return `${about} halted${farText(numbers)}: ${message}`;
    case 'cancelled':
      return `${about} cancelled${farText(numbers)}${numbers ? `: ${countsText(numbers)}` : ''}`;
    case 'failed_share':
      return `${about} finished with more than ${percent(failedShare)} failed: ${countsText(numbers!)}`;
    default:
      return `${about} ${event}: ${numbers ? countsText(numbers) : ''}`;
  }
}

export function missingText(told: {
  sync: string | undefined;
  timezone: string;
  sinceMs: number;
  byMs: number;
}): string {
  const { sync, timezone, sinceMs, byMs } = told;
  const what =
    sync === undefined ? 'No file has arrived in the watched folder' : `No run of "${sync}" has come`;
  return `${what} since ${moment(sinceMs, timezone)}; expected by ${moment(byMs, timezone)} (${timezone})`;
}

/** `4 980 created, 15 skipped, 5 failed (0.1 %: 3 invalid, 2 rejected)` */
function countsText(numbers: RunNumbers): string {
  const { rows, created, updated, skipped, failed, unprocessed } = numbers;
  const told = [
    `${group(created)} created`,
    ...(updated > 0 ? [`${group(updated)} updated`] : []),
    ...(skipped > 0 ? [`${group(skipped)} skipped`] : []),
    ...(failed > 0 ? [`${group(failed)} failed (${percent(failed / rows)}${whyText(numbers)})`] : []),
    ...(unprocessed > 0 ? [`${group(unprocessed)} not sent`] : []),
  ];
  return told.join(', ');
}

const OF_FAILED = ['invalid', 'rejected', 'retries_exhausted', 'unconfirmed'];

function whyText({ reasons }: RunNumbers): string {
  const told = OF_FAILED.filter((reason) => reasons[reason]);
  return told.length === 0
    ? ''
    : `: ${told.map((reason) => `${group(reasons[reason]!)} ${reason}`).join(', ')}`;
}

function farText(numbers: RunNumbers | undefined): string {
  return numbers ? ` after ${group(numbers.rows - numbers.unprocessed)} of ${group(numbers.rows)} rows` : '';
}

function percent(share: number): string {
  const hundredths = share * 100;
  if (hundredths > 0 && hundredths < 0.1) return 'less than 0.1 %';
  return `${Math.round(hundredths * 10) / 10} %`;
}

function group(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ' ');
}

function moment(ms: number, timezone: string): string {
  return DateTime.fromMillis(ms, { zone: timezone }).toFormat('yyyy-MM-dd HH:mm');
}

/** The lines below the sentence. */
function details({ text, next, run, report_dir }: Notice): string[] {
  return [
    ...(next === undefined || text.includes(next) ? [] : [`Go on with: ${next}`]),
    ...(report_dir === undefined ? [] : [`Report: ${report_dir}`]),
    ...(run === undefined ? [] : [`Run: ${run}`]),
  ];
}

/** https://docs.slack.dev/messaging/formatting-message-text: three characters have a meaning everywhere in a text. */
export function slackText(notice: Notice): string {
  return [notice.text, ...details(notice)]
    .join('\n')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

const LONGEST_SUBJECT = 150;

export function mailText(notice: Notice): { subject: string; text: string } {
  const subject = `rowferry: ${notice.text}`;
  return {
    subject: subject.length > LONGEST_SUBJECT ? `${subject.slice(0, LONGEST_SUBJECT - 1)}…` : subject,
    text: `${[notice.text, '', ...details(notice)].join('\n').trimEnd()}\n`,
  };
}
