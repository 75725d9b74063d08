import { readdirSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { NotificationEntry } from '../../src/config/notifications.js';
import type { Notice } from '../../src/notices/notice.js';
import { openSite } from '../helpers/site.js';

export const NOTICE: Notice = {
  id: '20260131-020000-1a2b3c-finished',
  event: 'finished',
  at: '2026-01-31T00:00:00.000Z',
  text: 'contacts.csv → sendmator finished: 4 980 created, 5 failed (0.1 %: 5 invalid)',
  next: 'rowferry runs retry 20260131-020000-1a2b3c',
  run: '20260131-020000-1a2b3c',
  destination: 'sendmator',
  report_dir: '/data/reports/20260131-020000-1a2b3c',
};

export interface Got {
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A receiver of webhooks; `status` says what it answers to the n-th (1-based). */
export async function openHook(
  status: (n: number) => number | undefined = () => 204,
  headers: Record<string, string> = {},
): Promise<{ url: string; got: Got[] }> {
  const got: Got[] = [];
  const { url } = await openSite((request, response) => {
    void text(request).then((body) => {
      got.push({ path: request.url!, headers: request.headers, body });
      const answer = status(got.length);
      if (answer !== undefined) response.writeHead(answer, headers).end();
    });
  });
  return { url, got };
}

export function entryFor(url: string, more: Partial<NotificationEntry> = {}): NotificationEntry {
  return {
    name: 'ops',
    channel: { kind: 'webhook', url },
    on: ['finished', 'failed', 'halted'],
    unset: [],
    ...more,
  };
}

/** Files that wait in the outbox of a data dir. */
export function waiting(dataDir: string): string[] {
  return readdirSync(join(dataDir, 'notices')).filter((name) => name !== 'expected.json');
}
