import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { Circuit } from '../../src/delivery/circuit.js';
import { Hold } from '../../src/delivery/hold.js';
import { Lanes } from '../../src/delivery/lanes.js';
import { Pace } from '../../src/delivery/pace.js';
import { makeSender } from '../../src/delivery/send.js';
import { httpDestination } from '../../src/destinations/http.js';
import { bindAccount } from '../../src/destinations/registry.js';
import type { BatchClaim, RunRecord } from '../../src/outcomes/settle.js';
import { openTestRedis } from '../helpers/redis.js';

test('a batch that is taken while the process stops goes back whole, and is waited for no longer', async () => {
  const { redis, prefix } = openTestRedis();
  const destination = httpDestination({
    base_url: 'http://127.0.0.1:9',
    fields: { email: { type: 'text', unique: true } },
    create: { path: '/contacts' },
  });
  const entry = { name: 'crm', kind: 'http', options: {}, settings: {}, unset: [], file: 'rowferry.yaml' };
  const account = bindAccount(destination, {}, entry);
  const pace = new Pace(redis, systemClock, prefix, account.id, null);
  const sender = makeSender({ baseUrl: 'http://127.0.0.1:9', timeoutMs: 1_000 });
  const failures: Error[] = [];
  const onError = (error: Error) => void failures.push(error);
  const lanes = new Lanes({
    redis,
    clock: systemClock,
    account,
    pace,
    circuit: new Circuit(pace),
    sender,
    concurrency: 2,
    meter: { request() {}, wait() {} },
    onError,
  });

  const batch = { run: 'r', epoch: '1', attempts: 5, rows: [[7, { email: 'ann@example.com' }]] };
  const hold = new Hold({} as RunRecord, {} as BatchClaim, batch as Hold['batch'], 0);
  lanes.stop();
  lanes.add(hold);
  await hold.finished;
  expect(hold.handedBack.map(([row]) => row)).toEqual([7]);
  expect(failures).toEqual([]);
  await sender.destroy();
});
