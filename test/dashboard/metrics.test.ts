import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { people } from '../helpers/csv.js';
import { until, World } from '../helpers/world.js';
import { ask, serveWorld } from './helpers.js';

/** `name{label="value",…}` → value, of every sample. */
function samples(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1).replace('Inf', 'Infinity'))];
    }),
  );
}

function summed(text: string, name: string, label = ''): number {
  return [...samples(text)]
    .filter(([sample]) => sample.split('{')[0] === name && sample.includes(label))
    .reduce((sum, [, value]) => sum + value, 0);
}

test('metrics say what the report says', async () => {
  const { world, rowferry, url, serve } = await serveWorld();
  const rows = people(60);
  await world.seed(rows.slice(0, 7).map(({ email }) => ({ email })));
  rows.push({ ...rows[20]! }, { ...rows[21]!, email: 'nobody' });
  serve();
  const run = await rowferry.enqueue(world.csv(rows), { rate: { requests: 500, perMs: 1_000 } });
  await until(async () => (await rowferry.status(run)).state === 'finished');
  const { requests } = await rowferry.report(run);

  const { status, body: text } = await ask(`${url}/metrics`);
  expect(status).toBe(200);
  const of = samples(text);
  const counted = (rest: string) => of.get(`rowferry_rows_total{destination="sendmator",${rest}}`);
  expect(counted('status="created",reason=""')).toBe(53);
  expect(counted('status="skipped",reason="duplicate_email"')).toBe(8);
  expect(counted('status="failed",reason="invalid"')).toBe(1);
  expect(summed(text, 'rowferry_rows_total')).toBe(rows.length);
  expect(of.get('rowferry_requests_total{destination="sendmator",status="2xx"}')).toBe(53);
  expect(of.get('rowferry_requests_total{destination="sendmator",status="4xx"}')).toBe(7);
  expect(summed(text, 'rowferry_requests_total')).toBe(requests);
  expect(of.get('rowferry_request_duration_seconds_count{destination="sendmator"}')).toBe(requests);
  expect(of.get('rowferry_runs_total{destination="sendmator",state="finished"}')).toBe(1);
  expect(of.get('rowferry_run_duration_seconds_count{destination="sendmator"}')).toBe(1);
  expect(of.get('rowferry_queue_batches{destination="sendmator",state="waiting"}')).toBe(0);
  expect(of.get('rowferry_oldest_waiting_row_age_seconds{destination="sendmator"}')).toBe(0);
  expect(of.get('rowferry_queue_runs{state="waiting"}')).toBe(0);
  expect(of.get('rowferry_circuit_open{destination="sendmator"}')).toBe(0);
  expect(of.get('rowferry_destination_paused{destination="sendmator"}')).toBe(0);
  expect(summed(text, 'process_cpu_seconds_total')).toBeGreaterThan(0);
  // Nothing of a row, nothing secret.
  expect(text).not.toContain('@');
  expect(text).not.toContain(world.env.SENDMATOR_API_KEY);
});

test('what holds a run up is to be seen: the rate, a pause, what waits', async () => {
  const { world, rowferry, url, serve } = await serveWorld();
  serve();
  const run = await rowferry.enqueue(world.csv(people(400)), { rate: { requests: 40, perMs: 1_000 } });
  await world.holds(5);
  const during = (await ask(`${url}/metrics`)).body as string;
  const of = samples(during);
  expect(of.get('rowferry_rate_limit_requests_per_second{destination="sendmator"}')).toBeCloseTo(39.2, 1);
  expect(of.get('rowferry_rate_budget_used_ratio{destination="sendmator"}')).toBeGreaterThan(0);
  expect(of.get('rowferry_rate_budget_used_ratio{destination="sendmator"}')).toBeLessThanOrEqual(1);
  expect(summed(during, 'rowferry_queue_batches')).toBeGreaterThan(0);
  expect(of.get('rowferry_queue_runs{state="active"}')).toBe(1);
  await rowferry.pauseDestination('sendmator');
  const paused = samples((await ask(`${url}/metrics`)).body);
  expect(paused.get('rowferry_destination_paused{destination="sendmator"}')).toBe(1);
  await rowferry.resumeDestination('sendmator');
  await rowferry.enqueueCancel(run);
  await until(async () => (await rowferry.status(run)).state === 'cancelled');
});

test('with a token, metrics ask for it', async () => {
  const token = 'a-token-that-is-long-enough-0123456789';
  const { url } = await serveWorld({ ROWFERRY_DASHBOARD_TOKEN: token });
  expect((await ask(`${url}/metrics`)).status).toBe(401);
  expect((await ask(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
});

test('a worker serves its own where it is told to', async () => {
  const world = await World.open({ sandbox: { faults: { status500: 1 } } });
  const worker = world.startWith({ ROWFERRY_METRICS_PORT: '0' }, 'worker');
  const [, url] = await worker.says(/"url":"(http:[^"]+\/metrics)"/);
  await worker.says(/worker started/);
  const rowferry = await world.library();
  await rowferry.enqueue(world.csv(people(3)));
  expect((await ask(url!.replace('/metrics', '/readyz'))).status).toBe(200);
  const text = (await ask(url!)).body as string;
  expect(text).toContain('# TYPE rowferry_requests_total counter');
  expect(summed(text, 'rowferry_queue_runs', 'waiting')).toBe(1);
  const taken = world.startWith({ ROWFERRY_METRICS_PORT: new URL(url!).port }, 'worker');
  const { code, stderr } = await taken.finished;
  expect(code).toBe(2);
  expect(stderr).toContain('Name another port in ROWFERRY_METRICS_PORT');
  worker.kill();
  await worker.finished;
});

test('the sample dashboard for Grafana asks for nothing that is not there', async () => {
  const { url } = await serveWorld();
  const text = (await ask(`${url}/metrics`)).body as string;
  const there = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  const sample = readFileSync(new URL('../../samples/grafana.json', import.meta.url), 'utf8');
  const asked = [...sample.matchAll(/\b(?:rowferry|process)_[a-z_]+/g)].map(([name]) => name);
  expect(asked.length).toBeGreaterThan(10);
  expect(asked.filter((name) => !there.has(name.replace(/_bucket$/, '')))).toEqual([]);
  expect([...there].filter((name) => name!.startsWith('rowferry') && !sample.includes(name!))).toEqual([]);
});
