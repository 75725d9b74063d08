import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { identify } from '../../src/process.js';
import { withLock } from '../../src/redis/lock.js';
import { scratchDir } from '../helpers/scratch.js';

test('what processes left beside it that were killed while they took or cleared it is removed', async () => {
  const dir = scratchDir();
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  const dead = JSON.stringify({ ...identify(child.pid!), nonce: 'dead' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  const alive = JSON.stringify({ ...identify(process.pid), nonce: 'alive' });
  writeFileSync(join(dir, 'lock.dead.tmp'), dead);
  writeFileSync(join(dir, 'lock.dead'), dead);
  writeFileSync(join(dir, 'lock.alive.tmp'), alive);
  writeFileSync(join(dir, 'lockup.dead'), dead);
  const seen = await withLock(join(dir, 'lock'), async () => readdirSync(dir).sort());
  expect(seen).toEqual(['lock', 'lock.alive.tmp', 'lockup.dead']);
  expect(readdirSync(dir).sort()).toEqual(['lock.alive.tmp', 'lockup.dead']);
});
