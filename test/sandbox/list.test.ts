import { describe, expect, test } from 'vitest';
import { createClock, openSandbox } from './helpers.js';

async function openWithFive() {
  const clock = createClock();
  const opened = await openSandbox({ now: clock.now });
  const people = [
    { email: 'ann@example.com', first_name: 'Ann', external_id: 'E1', tags: ['vip'] },
    { email: 'joann@example.com', first_name: 'Jo', last_name: 'Müller', external_id: 'E2' },
    { email: 'bob@example.org', first_name: 'Bob', external_id: 'Annex', is_active: false },
    { email: 'c+x@example.org', external_id: 'ann@example.com', tags: ['vip', 'new'] },
    { email: 'dora@example.org', external_id: 'E12' },
  ];
  for (const one of people) {
    await opened.post(one);
    clock.advance(1000);
  }
  const emails = async (query: string) => {
    const { status, body } = await opened.get(`/contacts?${query}`);
    expect(status).toBe(200);
    return (body.data as { email: string }[]).map(({ email }) => email.split('@')[0]);
  };
  return { ...opened, emails };
}

describe('list', () => {
  test('pages through all contacts', async () => {
    const { get } = await openWithFive();
    const seen: unknown[] = [];
    let cursor: unknown = null;
    const sizes: number[] = [];
    do {
      const after: string = cursor === null ? '' : `&starting_after=${cursor}`;
      const { body } = await get(`/contacts?limit=2${after}`);
      const data = body.data as { id: string; email: string }[];
      seen.push(...data.map(({ email }) => email));
      sizes.push(data.length);
      cursor = body.next_cursor;
      expect(body.has_more).toBe(cursor !== null);
      if (cursor !== null) expect(cursor).toBe(data.at(-1)?.id);
    } while (cursor !== null);
    expect(sizes).toEqual([2, 2, 1]);
    expect(new Set(seen).size).toBe(5);
  });

  test('is empty for a new account', async () => {
    const { get } = await openSandbox();
    expect((await get('/contacts')).body).toEqual({ data: [], has_more: false, next_cursor: null });
  });

  test.each([
    ['tag=vip', ['ann', 'c+x']],
    ['is_active=false', ['bob']],
    ['is_active=true&tag=new', ['c+x']],
    ['created_after=2030-01-01T00:00:02.250Z', ['c+x', 'dora']],
    ['created_before=2030-01-01T00:00:01.250Z', ['ann']],
    ['search=ann', ['ann', 'joann', 'bob', 'c+x']],
    ['search=M%C3%9CLLER', ['joann']],
    ['search=e1', ['ann', 'dora']],
    ['search=nobody', []],
    ['search=&tag=new', ['c+x']],
  ])('%s finds %j', async (query, found) => {
    const { emails } = await openWithFive();
    expect(await emails(query)).toEqual(found);
  });

  test.each([
    ['search=Joann@Example.com', ['joann']],
    ['search=c%2Bx@example.org', ['c+x']],
    ['search=E1', ['ann']],
    ['search=ann@example.com', ['ann', 'c+x']],
    ['search=ann@example.com&tag=new', ['c+x']],
    ['search=unknown@example.com', []],
  ])('%s is answered from the indexes: %j', async (query, found) => {
    const { emails } = await openWithFive();
    expect(await emails(query)).toEqual(found);
  });

  test.each(['limit=0', 'limit=101', 'limit=x', 'starting_after=x', 'is_active=1', 'created_after=x'])(
    'refuses %s',
    async (query) => {
      const { get } = await openSandbox();
      const { status, body } = await get(`/contacts?${query}`);
      expect(status).toBe(400);
      expect(body).toMatchObject({ statusCode: 400, details: { field: query.split('=')[0] } });
    },
  );

  test('finds an address, or its absence, without reading the contacts', async () => {
    const { state, emails } = await openWithFive();
    let reads = 0;
    state.contacts = new Proxy(state.contacts, {
      get(contacts, at, receiver) {
        reads += 1;
        return Reflect.get(contacts, at, receiver);
      },
    });
    expect(await emails('search=dora@example.org')).toEqual(['dora']);
    expect(await emails('search=E12')).toEqual(['dora']);
    expect(await emails('search=unknown@example.org')).toEqual([]);
    expect(reads).toBe(0);
    expect(await emails('search=dor')).toEqual(['dora']);
    expect(reads).toBeGreaterThan(4);
  });
});
