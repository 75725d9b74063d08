/** A whole run with an example: the built command line, a file, and an API on loopback that loses answers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { readReport } from '../../helpers/agreement.js';
import { World } from '../../helpers/world.js';

const KEY = 'key-0123456789abcdef-us19';
const sample = fileURLToPath(new URL('../../../samples/destinations/mailchimp.yaml', import.meta.url));

interface Member {
  email_address: string;
  timestamp_opt: string;
}

/** As much of Mailchimp as one list needs. It tells its caller's key back, as no API should. */
async function startApi(): Promise<{ url: string; members: Map<string, Member>; asked: string[] }> {
  const members = new Map<string, Member>();
  const asked: string[] = [];
  let busy = true;
  const answer = (response: ServerResponse, status: number, body: object, headers = {}) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (piece) => (text += String(piece)));
    request.on('end', () => {
      const key = Buffer.from(String(request.headers.authorization).slice(6), 'base64')
        .toString('utf8')
        .split(':')[1]!;
      asked.push(`${request.method} ${request.url}`);
      if (key !== KEY)
        return answer(response, 401, { title: 'API Key Invalid', detail: `not a key: ${key}` });
      if (request.method === 'GET') {
        const held = members.get(decodeURIComponent(request.url!.split('/').at(-1)!));
        return held ? answer(response, 200, held) : answer(response, 404, { title: 'Resource Not Found' });
      }
      const given = JSON.parse(text) as Member;
      const email = given.email_address;
      if (busy) {
        busy = false;
        return answer(response, 429, { title: 'Too Many Requests' }, { 'retry-after': '0' });
      }
      if (members.has(email)) {
        const detail = `${email} is already a list member, says ${key}.`;
        return answer(response, 400, { title: 'Member Exists', detail });
      }
      if (email.startsWith('fake')) {
        return answer(response, 400, {
          title: 'Invalid Resource',
          detail: `${email} looks fake, says ${key}.`,
        });
      }
      const member = { ...given, id: `id-${email}`, timestamp_opt: new Date().toISOString() };
      members.set(email, { ...member, tags: [] } as Member);
      if (email.startsWith('lost')) return request.socket.destroy();
      return answer(response, 200, member);
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, members, asked };
}

test('an example carries a file: lost answers are found again, and no secret is told', async () => {
  const api = await startApi();
  const world = await World.open();
  const settings = readFileSync(sample, 'utf8').replace(/base_url: .*/, `base_url: ${api.url}`);
  writeFileSync(join(world.dir, 'rowferry.yaml'), settings, { mode: 0o600 });
  const old = '2020-01-01T00:00:00+00:00';
  api.members.set('old@example.com', { email_address: 'old@example.com', timestamp_opt: old });
  const rows = ['ann', 'lost', 'old', 'fake', 'zoe'].map((name) => `${name}@example.com,${name}`);
  writeFileSync(join(world.dir, 'people.csv'), `E-Mail,First Name\n${rows.join('\n')}\n`);

  const env = { MAILCHIMP_API_KEY: KEY, MAILCHIMP_DC: 'us19', MAILCHIMP_LIST_ID: 'a1b2' };
  const running = world.startWith(env, 'run', 'people.csv', '--to', 'mailchimp', '--rate', '200/s', '--json');
  const summary = await running.result();
  expect(summary).toMatchObject({
    created: 3,
    skipped: 1,
    failed: 1,
    reasons: { confirmed_on_retry: 1, duplicate_email: 1, rejected: 1 },
    throttled: 1,
  });
  expect([...api.members.keys()].sort()).toEqual(
    ['ann', 'lost', 'old', 'zoe'].map((name) => `${name}@example.com`),
  );
  expect(new Set(api.asked)).toEqual(
    new Set(['POST /3.0/lists/a1b2/members', 'GET /3.0/lists/a1b2/members/lost%40example.com']),
  );

  const { outcomes } = readReport(summary.reports.dir);
  expect(outcomes.find(({ email }) => email === 'fake@example.com')?.message).toBe(
    'Invalid Resource: fake@example.com looks fake, says ***.',
  );
  const { stdout, stderr } = await running.finished;
  const told = [
    stdout,
    stderr,
    ...Object.values(summary.reports)
      .filter((path) => /\.\w+$/.test(path))
      .map((path) => readFileSync(path, 'utf8')),
  ];
  expect(told.length).toBeGreaterThan(4);
  for (const text of told) expect(text).not.toContain(KEY);

  const wrong = { ...env, MAILCHIMP_API_KEY: 'key-of-somebody-else' };
  const halted = await world.startWith(wrong, 'run', 'people.csv', '--to', 'mailchimp', '--rate', '200/s')
    .finished;
  expect(halted.code).toBe(4);
  expect(halted.stdout + halted.stderr).toContain('not a key: ***');
});
