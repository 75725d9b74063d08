import { describe, expect, test } from 'vitest';
import { sendmator } from '../../src/destinations/sendmator.js';
import { findFaults } from '../../src/ingest/validate.js';

const fault = (contact: Record<string, unknown>) => findFaults(contact, sendmator)[0];

describe('findFaults', () => {
  test.each([
    { email: 'a@example.com' },
    { email: "o'neil+tag@mail.example.co.uk", external_id: 'C 1/2' },
    {
      email: 'a@example.com',
      first_name: 'Ann',
      last_name: 'Lee',
      tags: [],
      is_active: false,
      custom_fields: { plan: 'pro' },
      metadata: {},
    },
  ])('takes %o', (contact) => {
    expect(fault(contact)).toBeUndefined();
  });

  test.each([
    [{}, { field: 'email', code: 'required', message: '' }],
    [{ email: 'nobody' }, { field: 'email', code: 'invalid_format', message: '' }],
    [{ email: 'a@b@example.com' }, { field: 'email', code: 'invalid_format', message: '' }],
    [{ email: 'a b@example.com' }, { field: 'email', code: 'invalid_format', message: '' }],
    [{ email: 'a@example.com\n' }, { field: 'email', code: 'invalid_format', message: '' }],
    [
      {
        email: `a@${'x'.repeat(60)}.${'y'.repeat(60)}.${'z'.repeat(60)}.${'q'.repeat(60)}.${'r'.repeat(20)}`,
      },
      { field: 'email', code: 'too_long', message: '' },
    ],
    [
      { email: 'a@example.com', is_active: 'maybe' },
      { field: 'is_active', code: 'not_a_boolean', message: '' },
    ],
  ])('names field and code of %o', (contact, expected) => {
    expect(fault(contact)).toEqual(expected);
  });

  test('names the place inside an object, and says what is wrong', () => {
    expect(fault({ email: 'a@example.com', tags: ['a', 1] })).toMatchObject({
      field: 'tags.1',
      code: 'not_a_text',
    });
  });

  test('does not let a field pass that the API does not have', () => {
    expect(fault({ email: 'a@example.com', phone: '1' })).toMatchObject({ code: 'unrecognized_keys' });
  });
});
