import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { SpanKind } from 'bullmq';
import { expect, test } from 'vitest';
import { openRowferry } from '../../src/index.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people, person } from '../helpers/csv.js';
import { until, World } from '../helpers/world.js';

test('batches are told to OpenTelemetry when it is on, and nothing of their rows', async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register();
  // The second batch is answered with an error of the API for one of its rows.
  const rows = [...people(700), { ...person(701), email: 'reject.1@example.com' }];
  const world = await World.open();
  const csv = world.csv(rows);
  const run = async (opentelemetry: string) => {
    const rowferry = await openRowferry({
      dataDir: world.dataDir,
      config: false,
      env: { ...world.env, ROWFERRY_OPENTELEMETRY: opentelemetry },
    });
    try {
      return await rowferry.run(csv, { rate: null });
    } finally {
      await rowferry.close();
    }
  };

  const summary = await run('true');
  const batches = () => exporter.getFinishedSpans().filter(({ attributes }) => 'bullmq.job.id' in attributes);
  const [added, processed] = [SpanKind.PRODUCER, SpanKind.CONSUMER].map((kind) =>
    exporter.getFinishedSpans().filter((span) => span.kind === kind),
  ) as [ReturnType<typeof batches>, ReturnType<typeof batches>];
  await until(() => batches().length > 1);
  const ofQueue = /^deliver-sendmator-[0-9a-f]{12}$/;
  for (const { instrumentationScope, attributes } of exporter.getFinishedSpans()) {
    expect(instrumentationScope.name).toBe('rowferry');
    expect(attributes['bullmq.queue.name']).toMatch(ofQueue);
  }
  // A trace goes from where a batch was added to where it was delivered.
  const traces = new Set(added.map((span) => span.spanContext().traceId));
  const jobs = processed.filter(({ attributes }) => attributes['bullmq.job.name'] === 'batch');
  expect(jobs.length).toBeGreaterThan(1);
  for (const span of jobs) {
    expect(span.attributes['bullmq.job.id']).toMatch(new RegExp(`^${summary.run}-\\d+-`));
    expect(traces).toContain(span.spanContext().traceId);
  }
  const told = JSON.stringify(
    exporter
      .getFinishedSpans()
      .map(({ name, attributes, events, status }) => [name, attributes, events, status]),
  );
  expect(told).not.toMatch(/example\.com|P-\d|First\d|sk_test/);
  expectAgreement(summary.reports.dir, rows, world.ledger());

  exporter.reset();
  await run('false');
  expect(exporter.getFinishedSpans()).toEqual([]);
  await provider.shutdown();
});

test('without its package a sentence says what to install; off, nobody asks for it', async () => {
  const world = await World.open();
  const resolve = `export async function resolve(name, context, next) {
    if (name === 'bullmq-otel') throw Object.assign(new Error('away'), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(name, context);
  }`;
  const hook = `import { register } from 'node:module'; register(${JSON.stringify(asUrl(resolve))});`;
  const list = (on: string) => {
    const env = { NODE_OPTIONS: `--import ${asUrl(hook)}`, ROWFERRY_OPENTELEMETRY: on };
    return world.startWith(env, 'runs', 'list').finished;
  };
  const [on, off, wrong] = await Promise.all(['true', 'false', 'maybe'].map(list));
  expect(on).toMatchObject({ code: 2, stdout: '' });
  expect(on!.stderr).toMatch(/^rowferry: opentelemetry is on, .* npm install bullmq-otel/);
  expect(off).toMatchObject({ code: 0, stdout: 'No runs yet.\n' });
  expect(wrong!.stderr).toMatch(/^rowferry: ROWFERRY_OPENTELEMETRY: "maybe" is not one of true, false/);
});

const asUrl = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
