/** The queues as operators look at them: to be read only, and without what a contact holds. */
import type { BaseAdapter } from '@bull-board/api/baseAdapter';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { type ConnectionOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { queuePrefix } from '../redis/keys.js';
import { type Batch, deliverQueueName } from './batches.js';
import { runsQueueName } from './runs.js';
import { schedulesQueueName } from './schedules.js';

export interface ShownQueues {
  adapters: BaseAdapter[];
  close(): Promise<void>;
}

/** Those of a data dir, and of the accounts with these ids. */
export function showQueues(
  connection: Redis,
  prefix: string,
  dataDirId: string,
  accounts: readonly string[],
): ShownQueues {
  const names = [
    runsQueueName(dataDirId),
    schedulesQueueName(dataDirId),
    ...new Set(accounts.map(deliverQueueName)),
  ];
  const queues = names.map((name) => {
    const options = { prefix: queuePrefix(prefix), skipVersionCheck: true };
    const queue = new Queue(name, { connection: connection as ConnectionOptions, ...options });
    queue.on('error', () => {}); // the connection's owner reports it
    return queue;
  });
  const adapters = queues.map((queue) => {
    const adapter = new BullMQAdapter(queue, { readOnlyMode: true });
    adapter.setFormatter('data', withoutContacts);
    return adapter;
  });
  return {
    adapters,
    async close() {
      await Promise.all(queues.map((queue) => queue.close()));
    },
  };
}

function withoutContacts(data: unknown): unknown {
  const { rows, ...rest } = (data ?? {}) as Partial<Batch>;
  return rows === undefined ? rest : { ...rest, rows: rows.map(([row]) => row) };
}
