import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Finished, type Process, until, World } from '../helpers/world.js';
import { people, readCsv, type Row, writeCsv } from '../helpers/csv.js';
import { expectAgreement } from '../helpers/agreement.js';
import { loadPlan } from '../../src/run.js';

const FILES = 200;
const ROWS = 3;

test('200 files dropped at once, three services on the folder, one killed with -9: each is run once', async () => {
  const world = await World.open();
  const folder = join(world.dir, 'drop');
  writeFileSync(
    join(world.dir, 'rowferry.yaml'),
    'folder: { path: drop, settle: 200ms, poll: 100ms }\ndefaults: { rate: none }\n',
  );
  const dataDirs = [world.dataDir, world.dataDir, join(world.dir, 'other')];
  const services = dataDirs.map((dir) => world.start('--data-dir', dir, 'start'));
  await Promise.all(services.map((service) => service.says(/"watching"/)));
  const began = Date.now();
  const rows = new Map<string, Row[]>();
  for (let i = 0; i < FILES; i++) {
    const name = `people ${i}.csv`;
    rows.set(name, people(ROWS, 1 + i * ROWS));
    writeCsv(join(folder, 'inbox', name), rows.get(name)!);
  }
  const archived = () =>
    readdirSync(join(folder, 'archive')).filter((name) => name.endsWith('.csv'));
  await until(() => archived().length >= FILES);
  console.log('took', Date.now() - began);
  for (const service of services) service.kill();
  await Promise.all(services.map(({ finished }) => finished));
});
