import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Claims } from '../../../src/triggers/folder/claims.js';
import { scratchDir } from '../../helpers/scratch.js';

const RUN = '20260131-235959-1a2b3c';
const CLAIM = {
  ...{ run: RUN, folder: '/data', kept: `${RUN}-people.csv`, shown: 'people.csv', at: 0 },
  ...{ seen: { id: '1', bytes: '2', mtimeNs: '3' }, by: { nonce: 'n' } },
};

function load(claim: unknown) {
  const dataDir = scratchDir();
  mkdirSync(join(dataDir, 'claims'));
  writeFileSync(
    join(dataDir, 'claims', `${RUN}.json`),
    typeof claim === 'string' ? claim : JSON.stringify(claim),
  );
  return new Claims(dataDir).load(RUN);
}

test('a claim is read as it was written', async () => {
  expect(await load({ ...CLAIM, sync: 'nightly' })).toEqual({ ...CLAIM, sync: 'nightly' });
});

test.each([
  ['cut off', '{"run":', 'it is no JSON'],
  ['a list', [], 'it: Invalid input: expected object, received array'],
  ['without a folder', { ...CLAIM, folder: undefined }, 'folder: Invalid input: expected string'],
  ['of another folder', { ...CLAIM, folder: 'data' }, 'folder: is no absolute path'],
  ['without what was seen', { ...CLAIM, seen: {} }, 'seen.id: Invalid input: expected string'],
  ['of another run', { ...CLAIM, run: '20260131-235959-ffffff' }, 'run: it is of "20260131-235959-ffffff"'],
  ['of a file elsewhere', { ...CLAIM, kept: `${RUN}-/../../../x` }, 'kept: is not the name of a file'],
  ['of another file', { ...CLAIM, kept: 'people.csv' }, 'kept: is not the name of a file'],
])('one that is %s is told as damaged, where and how to mend it', async (_, claim, fault) => {
  const refused = (await load(claim).catch((error: unknown) => error)) as Error;
  expect(refused).toMatchObject({ code: 'CLAIM_DAMAGED' });
  expect(refused.message).toContain(`/claims/${RUN}.json is damaged: ${fault}`);
  expect(refused.message).toContain('Put it back from a backup, or take the file out of processing');
});
