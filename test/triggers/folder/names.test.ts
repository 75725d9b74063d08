import { describe, expect, test } from 'vitest';
import { isMeant, keptName, shownName } from '../../../src/triggers/folder/names.js';

const RUN = '20260131-235959-1a2b3c';

test.each([
  '.people.csv',
  '.~tmp~',
  'people.csv.part',
  'people.csv.PART',
  'people.csv.tmp',
  'people.csv.crdownload',
  'people.csv.filepart',
  'people.csv~',
  '~$people.csv',
  '.people.csv.swp',
  'Thumbs.db',
])('%s is not meant yet', (name) => expect(isMeant(name)).toBe(false));

test.each(['people.csv', 'PEOPLE', '-rf.csv', '~people.csv', 'tmp.csv', 'part', 'a.part.csv'])(
  '%s is',
  (name) => expect(isMeant(name)).toBe(true),
);

describe('a kept name', () => {
  test('is that of the file behind the run', () => {
    expect(keptName(RUN, '-é 名.csv')).toBe(`${RUN}-${'-é 名.csv'}`);
    expect(keptName(RUN, '..')).toBe(`${RUN}-..`);
  });

  test.each(['x', 'é', '名', '😀'])('of many %s is cut between characters, and keeps its ending', (one) => {
    const name = keptName(RUN, `${one.repeat(250)}.csv`);
    expect(name).toMatch(new RegExp(`^${RUN}-(${one})+\\.csv$`, 'u'));
    const bytes = Buffer.byteLength(`${name}.txt`);
    expect(bytes).toBeLessThanOrEqual(255);
    expect(bytes).toBeGreaterThan(255 - Buffer.byteLength(one));
  });
});

test('what is shown has no line breaks and no escapes, and may have been no UTF-8', () => {
  expect(shownName(Buffer.from('a\nb\x1b[31m.csv'))).toBe('a_b_[31m.csv');
  expect(shownName(Buffer.from([0x4d, 0xfc, 0x6c]))).toBe('M\uFFFDl');
});
