import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Contact } from '../../../src/contact.js';
import { compileBody, compilePath, placeholdersOf } from '../../../src/destinations/http/template.js';

const CONTACT = {
  email: 'ann@example.com',
  first: 'Ann',
  tags: ['a', 'b'],
  score: 0,
  active: false,
  nothing: null,
  custom: { plan: 'pro', 'Lead Score': 7 },
};

function fill(body: unknown, contact: Contact = CONTACT, rest: object = {}): unknown {
  const text = compileBody(body)({ contact, ...rest });
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}

describe('a body', () => {
  test.each<[string, unknown, unknown]>([
    [
      'is sent as it stands',
      { a: 1, b: [true, null, 'x'], c: { d: 1.5 } },
      { a: 1, b: [true, null, 'x'], c: { d: 1.5 } },
    ],
    [
      'keeps the type of a placeholder alone',
      { s: '{{score}}', t: '{{ tags }}', o: '{{custom}}', f: '{{active}}' },
      { s: 0, t: ['a', 'b'], o: CONTACT.custom, f: false },
    ],
    [
      'makes text of placeholders in a text',
      { n: '{{first}}: {{score}}/{{active}}/{{tags}}/{{custom}}' },
      { n: 'Ann: 0/false/a,b/{"plan":"pro","Lead Score":7}' },
    ],
    ['leads into objects', { p: '{{custom.plan}}', s: '{{custom.Lead Score}}' }, { p: 'pro', s: 7 }],
    ['has the contact as a whole', { contact: '{{contact}}' }, { contact: CONTACT }],
    [
      'leaves out what is blank',
      { a: '{{no}}', b: ['{{no}}', 1], c: 'x{{no}}y', d: '{{custom.no}}', e: '{{first}} {{no}}' },
      { b: [1], e: 'Ann ' },
    ],
    [
      'leaves out objects and lists all of whose placeholders are blank',
      {
        v: [
          { field: '1', value: '{{no}}' },
          { field: '2', value: '{{first}}' },
        ],
        w: { x: { y: '{{no}}' } },
        z: {},
      },
      { v: [{ field: '2', value: 'Ann' }], z: {} },
    ],
    [
      'reaches only what a contact has of its own',
      { a: '{{constructor}}', b: '{{custom.toString}}', c: '{{tags.length}}' },
      { c: 2 },
    ],
    ['is JSONata when it is a text', '{ "name": first & "!", "n": $count(tags) }', { name: 'Ann!', n: 2 }],
  ])('%s', (_, body, expected) => {
    expect(fill(body)).toEqual(expected);
  });

  test('has the id of an update', () => {
    expect(fill({ id: '{{contact_id}}' }, CONTACT, { contactId: '7' })).toEqual({ id: '7' });
    expect(fill('{ "id": $contact_id }', CONTACT, { contactId: '7' })).toEqual({ id: '7' });
  });

  test('has several contacts', () => {
    const contacts = '[{"email":"a"},{"email":"b"}]';
    expect(fill({ list: '{{contacts}}', n: 2 }, {}, { contacts })).toEqual({
      list: JSON.parse(contacts) as unknown,
      n: 2,
    });
    expect(fill('{ "inputs": [contacts.{ "e": email }] }', {}, { contacts })).toEqual({
      inputs: [{ e: 'a' }, { e: 'b' }],
    });
  });

  test('is nothing when all of it is blank', () => {
    expect(compileBody({ a: '{{no}}' })({ contact: {} })).toBeUndefined();
  });

  test('keeps a dangerous key a key', () => {
    const text = compileBody(JSON.parse('{"__proto__":{"a":"{{first}}"},"constructor":1}'))({
      contact: CONTACT,
    });
    expect(text).toBe('{"__proto__":{"a":"Ann"},"constructor":1}');
    const contact = JSON.parse('{"custom":{"__proto__":{"polluted":1}}}') as Contact;
    expect(compileBody({ c: '{{custom}}', p: '{{custom.__proto__}}' })({ contact })).toBe(
      '{"c":{"__proto__":{"polluted":1}},"p":{"polluted":1}}',
    );
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  const endless: Record<string, unknown> = {};
  endless.a = { b: endless };
  test.each<[string, unknown, string]>([
    ['endless', endless, 'is nested deeper than 32 levels'],
    ['no JSON', { a: () => 1 }, 'holds something that is no JSON'],
    ['an open placeholder', { a: '{{first' }, 'has a {{ or }} without its counterpart'],
    ['a closed placeholder', { a: 'first}}' }, 'has a {{ or }} without its counterpart'],
    ['a placeholder without a name', { a: '{{ }}' }, 'has a placeholder without a name'],
    ['a placeholder with half a name', { a: '{{custom.}}' }, 'has a placeholder without a name'],
    ['no JSONata', '{', 'is no JSONata'],
  ])('that is %s is refused', (_, body, why) => {
    expect(() => compileBody(body)).toThrow(why);
  });

  /** What a template means, said the long way round. */
  function expected(node: unknown, contact: Contact): { value?: unknown; filled: boolean } {
    if (typeof node === 'string') {
      const name = /^\{\{(\w+)\}\}$/.exec(node)?.[1];
      return name === undefined ? { value: node, filled: false } : { value: contact[name], filled: true };
    }
    if (typeof node !== 'object' || node === null) return { value: node, filled: false };
    const parts = Object.entries(node).map(([key, inner]) => ({ key, ...expected(inner, contact) }));
    const filled = parts.some((part) => part.filled);
    const counting = Array.isArray(node) ? parts : parts.filter((part) => part.filled);
    if (filled && counting.every(({ value }) => value === undefined)) return { filled };
    const kept = parts.filter(({ value }) => value !== undefined);
    const value = Array.isArray(node)
      ? kept.map((part) => part.value)
      : Object.fromEntries(kept.map((part) => [part.key, part.value]));
    return { value, filled };
  }

  test('is the same for any contact, said the long way round', () => {
    const leaf = fc.oneof(
      fc.constantFrom('{{a}}', '{{b}}', '{{c}}'),
      fc.string().filter((text) => !/[{}]/.test(text)),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    );
    const template = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 3, depthSize: 'small' },
        leaf,
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(fc.string(), tie('node'), { maxKeys: 3 }),
      ),
    })).node;
    const contact = fc.record(
      { a: fc.jsonValue({ maxDepth: 2 }), b: fc.string({ unit: 'binary' }), c: fc.double() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        template.filter((node) => typeof node !== 'string'),
        contact,
        (node, held) => {
          const { value } = expected(node, held as Contact);
          const wanted = value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
          expect(fill(node, held as Contact)).toEqual(wanted);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('takes a huge value', () => {
    const email = '👩‍💻'.repeat(200_000);
    expect(fill({ e: '<{{email}}>' }, { email })).toEqual({ e: `<${email}>` });
  });
});

describe('a path', () => {
  test('has its placeholders encoded', () => {
    const path = compilePath('/c/{{email}}?q={{custom.plan}}&n={{score}}#'.slice(0, -1));
    expect(path({ contact: { ...CONTACT, email: 'a+b&c=d/e#f%g ä@x' } })).toBe(
      '/c/a%2Bb%26c%3Dd%2Fe%23f%25g%20%C3%A4%40x?q=pro&n=0',
    );
  });

  test('cannot do without one', () => {
    const path = compilePath('/c/{{email}}');
    for (const contact of [{}, { email: '' }, { email: null }]) {
      expect(() => path({ contact })).toThrow('the path needs email, which is blank');
    }
    for (const email of ['.', '..']) expect(() => path({ contact: { email } })).toThrow('cannot hold email');
  });

  test.each(['c', '', 'http://x/y', '/a b', '/ä', '/a#b', '/a\nb', '{{email}}'])('%j is none', (text) => {
    expect(() => compilePath(text)).toThrow('is no path');
  });

  test('brings any value to the other side', () => {
    const path = compilePath('/c/{{id}}/x');
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((id) => !['', '.', '..'].includes(id)),
        (id) => {
          const filled = path({ contact: { id } });
          expect(filled).toMatch(/^\/c\/[\x21-\x7e]+\/x$/);
          expect(decodeURIComponent(filled.slice(3, -2))).toBe(Buffer.from(id, 'utf8').toString('utf8'));
        },
      ),
    );
  });
});

test('placeholders are found at any depth', () => {
  expect([...placeholdersOf({ a: ['{{x}} {{ y.z }}', { b: '{{x}}' }], c: 1 })]).toEqual(['x', 'y.z']);
});

test('nothing that is written breaks the compiler', () => {
  fc.assert(
    fc.property(fc.oneof(fc.anything({ withNullPrototype: true }), fc.string()), (written) => {
      for (const compile of [compileBody, (body: unknown) => compilePath(String(JSON.stringify(body)))]) {
        try {
          compile(written);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }
    }),
  );
});
