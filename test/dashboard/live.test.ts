import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Hono } from 'hono';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Bindings } from '../../src/dashboard/api.js';
import { listen as listenAt } from '../../src/dashboard/listen.js';
import { Live } from '../../src/dashboard/live.js';
import { RunIndex } from '../../src/dashboard/run-index.js';
import { events } from '../../src/dashboard/watch.js';
import { runDir } from '../../src/run.js';
import { people } from '../helpers/csv.js';
import { until } from '../helpers/world.js';
import { ask, post, serveWorld } from './helpers.js';

const CSV = `email,external_id\n${people(40)
  .map(({ email, external_id }) => `${email},${external_id}\n`)
  .join('')}`;

/** Reads events as they come. */
async function listen(url: string) {
  const ending = new AbortController();
  const answer = await fetch(url, { signal: ending.signal });
  const events: { event: string; data: unknown }[] = [];
  const ended = (async () => {
    let text = '';
    for await (const piece of answer.body!.pipeThrough(new TextDecoderStream())) {
      text += piece;
      for (let at = text.indexOf('\n\n'); at !== -1; at = text.indexOf('\n\n')) {
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/s.exec(text.slice(0, at)) ?? [];
        if (event !== undefined) events.push({ event, data: JSON.parse(data!) });
        text = text.slice(at + 2);
      }
    }
  })().catch(() => {});
  // biome-ignore lint/suspicious/noExplicitAny: JSON of several shapes
  const newest = (event: string) => events.findLast((one) => one.event === event)?.data as any;
  return { type: answer.headers.get('content-type'), events, newest, ended, stop: () => ending.abort() };
}

test('whoever watches a run is told of every change, to its end, and nothing twice', async () => {
  const { url, serve } = await serveWorld();
  const { run } = (await post(`${url}/api/runs?name=p.csv&rate=40/s`, CSV)).body as { run: string };
  const [one, other, list] = await Promise.all([
    listen(`${url}/api/events/runs/${run}`),
    listen(`${url}/api/events/runs/${run}`),
    listen(`${url}/api/events/runs?state=queued`),
  ]);
  expect(one.type).toBe('text/event-stream');
  await until(() => one.newest('run')?.view.state === 'queued' && list.newest('runs')?.total === 1);
  serve();
  await until(() => one.newest('run')?.view.state === 'finished' && other.newest('run')?.view.summary);
  expect(one.newest('run').view.progress).toMatchObject({ created: 40, total: 40 });
  expect(one.newest('run').destination).toMatchObject({ name: 'sendmator' });
  expect(one.newest('timeline').at(-1)[1]).toBe(40);
  await until(() => list.newest('runs')?.total === 0);
  for (const { events } of [one, other, list]) {
    for (const name of ['run', 'timeline', 'runs', 'trouble', 'meanings']) {
      const told = events.filter(({ event }) => event === name).map(({ data }) => JSON.stringify(data));
      expect(told.every((data, i) => data !== told[i - 1])).toBe(true);
    }
  }
  for (const { stop, ended } of [one, other, list]) {
    stop();
    await ended;
  }
});

test('twenty who watch a run cost Redis no more than one', async () => {
  const { rowferry, url } = await serveWorld();
  const { run } = (await post(`${url}/api/runs?name=p.csv&rate=40/s`, CSV)).body as { run: string };
  const waiting = new Set<() => void>();
  const live = new Live(rowferry, (_, signal) => {
    return new Promise((resolve) => {
      const go = () => {
        waiting.delete(go);
        resolve();
      };
      waiting.add(go);
      signal?.addEventListener('abort', go);
    });
  });
  const app = new Hono<Bindings>().route('/', events(rowferry, new RunIndex(rowferry), live));
  const server = await listenAt(app, '127.0.0.1', 0);
  const sent = vi.spyOn(Redis.prototype, 'sendCommand');
  onTestFinished(async () => {
    sent.mockRestore();
    live.close();
    await server.close();
  });

  /** Commands to Redis of five looks of everybody who looks. */
  async function commandsFor(watchers: number): Promise<number> {
    const all = await Promise.all(
      Array.from({ length: watchers }, () => listen(`${server.url}/runs/${run}`)),
    );
    await until(() => all.every((one) => one.newest('run')?.view.run === run) && waiting.size > 0);
    sent.mockClear();
    for (let look = 0; look < 5; look++) {
      const lookers = [...waiting];
      for (const go of lookers) go();
      await until(() => waiting.size === lookers.length);
    }
    const commands = sent.mock.calls.length;
    for (const { stop, ended } of all) {
      stop();
      await ended;
    }
    await until(() => waiting.size === 0);
    return commands;
  }
  const one = await commandsFor(1);
  expect(one).toBeGreaterThanOrEqual(5);
  expect(await commandsFor(20)).toBe(one);
});

test('what is not there is told; closing the service ends what is watched', async () => {
  const { url } = await serveWorld();
  const nothing = await listen(`${url}/api/events/runs/20260131-235959-1a2b3c`);
  await until(() => nothing.newest('trouble') !== undefined);
  expect(nothing.newest('trouble')).toMatch(/^There is no run 20260131-235959-1a2b3c/);
  const all = await listen(`${url}/api/events/destinations`);
  await until(() => all.newest('destinations') !== undefined);
  expect(all.newest('destinations')).toMatchObject([{ name: 'sendmator', requests: 0 }]);
  expect((await ask(`${url}/api/events/runs?state=gone`)).body.error.code).toBe('SETTING_INVALID');
  // Both are left open: the world is closed before they end.
});

test('of ten thousand runs a page is shown, filtered; an ended run is read once', async () => {
  const { world, rowferry } = await serveWorld();
  const id = (n: number) => `20260101-${String(n).padStart(6, '0')}-0a1b2c`;
  const plan = (n: number) => ({
    run: id(n),
    createdAt: new Date(n).toISOString(),
    destination: n % 4 === 0 ? 'crm' : 'news',
    ...(n % 10 === 0 ? { sync: 'nightly' } : {}),
    account: 'sendmator-0',
    source: { name: `${n}.csv`, lines: 3 },
    reportDir: join(world.dataDir, 'reports'),
  });
  const write = (n: number, state: string) => {
    const dir = runDir(world.dataDir, id(n));
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'plan.json'), JSON.stringify(plan(n)));
    writeFileSync(join(dir, 'status.json'), JSON.stringify({ state, epoch: 1, cursor: 0 }));
  };
  for (let n = 0; n < 10_000; n++) write(n, n === 77 ? 'halted' : n === 78 ? 'running' : 'finished');
  mkdirSync(runDir(world.dataDir, id(10_001)));
  write(10_002, 'finished');
  writeFileSync(join(runDir(world.dataDir, id(10_002)), 'status.json'), '{');

  const index = new RunIndex(rowferry);
  const first = await index.page({});
  expect(first).toMatchObject({
    total: 10_000,
    all: 10_000,
    syncs: ['nightly'],
    destinations: ['crm', 'news'],
  });
  expect(first.runs.map(({ run }) => run)).toEqual(Array.from({ length: 50 }, (_, i) => id(9_999 - i)));
  const last = await index.page({ sync: 'nightly', destination: 'crm', offset: 495, limit: 10 });
  expect(last.total).toBe(500);
  expect(last.runs.map(({ source }) => source)).toEqual(['80.csv', '60.csv', '40.csv', '20.csv', '0.csv']);
  expect((await index.page({ state: 'halted' })).runs.map(({ run }) => run)).toEqual([id(77)]);
  expect((await index.page({ state: 'running' })).total).toBe(0);
  expect((await index.page({ state: 'interrupted' })).runs.map(({ run }) => run)).toEqual([id(78)]);

  write(77, 'finished');
  write(5, 'halted'); // ended runs do not change: this is not looked at
  write(10_003, 'queued');
  expect(await index.page({ limit: 1 })).toMatchObject({ all: 10_001, runs: [{ state: 'queued' }] });
  expect((await index.page({ state: 'halted' })).total).toBe(0);
});
