/** What the README shows of destinations of one's own is one. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { httpDestination } from '../../../src/destinations/http.js';
import { loadModuleDestination } from '../../../src/destinations/module.js';
import { scratchDir } from '../../helpers/scratch.js';
import { answer } from '../answer.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const section = readFileSync(join(root, 'README.md'), 'utf8')
  .split('## Your own destination')[1]!
  .split('\n## ')[0]!;
const block = (language: string) => new RegExp(`\`\`\`${language}\n([^]+?)\`\`\``).exec(section)![1]!;
const contact = { email: 'ann@example.com', name: 'Ann' };

test('the one without code', () => {
  const { destinations } = parse(block('yaml')) as { destinations: { acme: object } };
  const destination = httpDestination(destinations.acme as Parameters<typeof httpDestination>[0]);
  expect(destination.create(contact, destination.options.parse({}))).toMatchObject({
    method: 'POST',
    path: '/v1/people',
    body: '{"person":{"email":"ann@example.com","name":"Ann"},"greeting":"Dear Ann"}',
  });
  const interpret = (...given: Parameters<typeof answer>) => destination.interpret(answer(...given), contact);
  expect(interpret(201, { person: { id: 1 } })).toEqual({ kind: 'created', contactId: '1' });
  expect(interpret(400, { errors: [{ code: 'taken' }] })).toMatchObject({ kind: 'duplicate', key: 'email' });
  expect(interpret(429, { quota: { left: 0 }, error: { text: 'spent' } })).toMatchObject({
    kind: 'refused',
    message: 'spent',
  });
  expect(interpret(429, {}, { 'x-reset': '3' })).toMatchObject({ kind: 'throttled', waitMs: 3_000 });
  const people = [{ id: 1, ...contact, created_at: '2026-02-01T12:00:00Z' }];
  expect(destination.lookup!.read(answer(200, { people }), contact)).toMatchObject({
    kind: 'found',
    same: true,
  });
});

test('the one with code', async () => {
  const dir = scratchDir();
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(root, join(dir, 'node_modules', 'rowferry'));
  writeFileSync(join(dir, 'own.mjs'), block('js'));
  const destination = await loadModuleDestination(join(dir, 'own.mjs'));
  const options = destination.options.parse({ apiKey: 'k' });
  expect(destination.create(contact, options).headers.authorization).toBe('Bearer k');
  expect(destination.interpret(answer(201, { id: 'a' }), contact)).toEqual({
    kind: 'created',
    contactId: 'a',
  });
});
