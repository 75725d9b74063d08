/** A process that joins the private server of a data dir and does what it is told, one line in, one line out. */
import { createInterface } from 'node:readline';
import { openRedis } from '../../src/redis/connection.js';

const say = (line: string) => process.stdout.write(`${line}\n`);

const handle = await openRedis({ dataDir: process.argv[2]! });
const connection = handle.connect();
await connection.ping();
say('ready');

for await (const line of createInterface({ input: process.stdin })) {
  const [order, key = '', value = ''] = line.split(' ');
  if (order === 'set') say(await connection.set(key, value));
  else if (order === 'get') say((await connection.get(key)) ?? '(none)');
  else if (order === 'close') {
    await handle.close();
    say('closed');
    process.exit(0);
  }
}
