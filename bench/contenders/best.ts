/**
 * The best client without durability that we know how to write: a lean reader, as many lanes as requests in flight,
 * each with a connection of its own and `dispatch` of undici, no promise for a request. Nothing else is done.
 */
import { Client, type Dispatcher } from 'undici';
import { measure } from './measure.js';
import { bodyOf, HEADERS, idOf, PATH } from './post.js';
import { readRecords } from './records.js';

const FEW_READ = 200;

await measure(async ({ csv, url, rows, concurrency }, begin) => {
  const clients = Array.from({ length: concurrency }, () => new Client(url, { pipelining: 1 }));
  begin();
  const columns = new Map<string, number>();
  const idle = [...clients];
  let read: string[][] = [];
  let at = 0;
  let created = 0;
  let readOn = () => {};

  await new Promise<void>((resolve, reject) => {
    const send = (client: Client) => {
      if (at === read.length) {
        idle.push(client);
        return;
      }
      const cells = read[at++]!;
      if (read.length - at === FEW_READ || at === read.length) readOn();
      const body = bodyOf((column) => cells[columns.get(column)!]);
      client.dispatch({ method: 'POST', path: PATH, headers: HEADERS, body }, handler(client));
    };
    const handler = (client: Client): Dispatcher.DispatchHandler => {
      let status = 0;
      let answer = '';
      return {
        onRequestStart() {},
        onResponseStart(_controller, statusCode) {
          status = statusCode;
        },
        onResponseData(_controller, piece) {
          answer += piece.toString('latin1');
        },
        onResponseEnd() {
          try {
            idOf(status, JSON.parse(answer));
          } catch (error) {
            reject(error);
          }
          if (++created === rows) resolve();
          else send(client);
        },
        onResponseError: (_controller, error) => reject(error),
      };
    };
    const readAll = async () => {
      for await (const records of readRecords(csv)) {
        if (columns.size === 0) for (const [i, name] of records.shift()!.entries()) columns.set(name, i);
        read = read.slice(at).concat(records);
        at = 0;
        for (const client of idle.splice(0)) send(client);
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
    await Promise.all(clients.map((client) => client.close()));
  };
});
