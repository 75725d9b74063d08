/**
 * The best client without durability that we know how to write: a lean reader, as many lanes as requests in flight, each
 * with a connection of its own, the one that rowferry sends with (undici's `dispatch` needs more than twice its CPU), no
 * promise for a request. Nothing else is done.
 */
import { importDist } from '../dist.js';
import { measure } from './measure.js';
import { bodyOf, HEADERS, idOf, PATH } from './post.js';
import { readRecords } from './records.js';

const { Connection } = await importDist('delivery/connection');
type Connection = InstanceType<typeof Connection>;

const FEW_READ = 200;

await measure(async ({ csv, url, rows, concurrency }, begin) => {
  const { hostname, port } = new URL(url);
  const nothing = () => {};
  const peer = {
    ...{ host: hostname, port: Number(port), secure: false, timeoutMs: 60_000 },
    ...{ idle: nothing, gone: nothing },
  };
  const connections = Array.from({ length: concurrency }, () => new Connection(peer));
  const fixed = Object.entries(HEADERS).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `POST ${PATH} HTTP/1.1\r\nhost: ${hostname}\r\n${fixed.join('')}content-length: `;
  begin();
  const columns = new Map<string, number>();
  const idle = [...connections];
  let read: string[][] = [];
  let at = 0;
  let created = 0;
  let readOn = nothing;

  await new Promise<void>((resolve, reject) => {
    const send = (connection: Connection) => {
      if (at === read.length) {
        idle.push(connection);
        return;
      }
      const cells = read[at++]!;
      if (read.length - at === FEW_READ || at === read.length) readOn();
      const body = bodyOf((column) => cells[columns.get(column)!]);
      const data = `${head}${Buffer.byteLength(body)}\r\n\r\n${body}`;
      connection.send({ data, encoding: 'utf8' }, undefined, (sent) => {
        try {
          if ('failure' in sent) throw new Error(sent.failure.message);
          idOf(sent.answer.status, JSON.parse(sent.answer.body));
        } catch (error) {
          reject(error);
        }
        if (++created === rows) resolve();
        else send(connection);
      });
    };
    const readAll = async () => {
      for await (const records of readRecords(csv)) {
        if (columns.size === 0) for (const [i, name] of records.shift()!.entries()) columns.set(name, i);
        read = read.slice(at).concat(records);
        at = 0;
        for (const connection of idle.splice(0)) send(connection);
        if (read.length - at > FEW_READ) {
          await new Promise<void>((enough) => {
            readOn = enough;
          });
        }
      }
    };
    readAll().catch(reject);
  });
  return async () => {
    for (const connection of connections) connection.lose('');
    await Promise.all(connections.map(({ closed }) => closed));
  };
});
