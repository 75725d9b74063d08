/**
 * Browsers of the watchers benchmark, in a process of their own: plain HTTP connections that read what pages read.
 * Orders: a list of URLs, a connection each. Prints a line once all of them were told something, and what they were told
 * in all when it is ended. Started by `child.ts`.
 */
import { Agent, get } from 'node:http';

const urls = JSON.parse(process.argv[2] ?? '[]') as string[];
const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
let events = 0;
let bytes = 0;
let told = 0;

for (const url of urls) {
  let first = true;
  const request = get(url, { agent }, (answer) => {
    answer.setEncoding('latin1');
    answer.on('data', (text: string) => {
      bytes += text.length;
      events += text.split('event: ').length - 1;
      if (first && ++told === urls.length) process.stdout.write('{"watching":true}\n');
      first = false;
    });
    answer.on('end', () => process.exit(1)); // the service let go of it
  });
  request.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
}

process.once('SIGTERM', () => {
  process.stdout.write(`${JSON.stringify({ events, bytes })}\n`, () => process.exit(0));
});
