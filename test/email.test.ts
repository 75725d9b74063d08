import { describe, expect, test } from 'vitest';
import { isEmailAddress, normaliseEmail } from '../src/email.js';

describe('isEmailAddress', () => {
  test.each([
    'a@example.com',
    'ann.lee+news@mail.example.co.uk',
    "o'neil@example.ie",
    'x_y-z@ex-ample.museum',
    '1234567890@example.com',
    "!#$%&'*+-/=?^_`{|}~@example.com",
    'a@1.example',
    'a@example.x1',
    'a@xn--mller-kva.example',
    `${'x'.repeat(64)}@example.com`,
    `a@${'x'.repeat(63)}.example`,
    // International: domains by IDNA, mailboxes by RFC 6531.
    'info@müller.example',
    'info@例え.テスト',
    'почта@пример.испытание',
    'δοκιμή@παράδειγμα.δοκιμή',
    'jörg@example.de',
  ])('%s is one', (address) => {
    expect(isEmailAddress(address)).toBe(true);
  });

  test.each([
    '',
    '@',
    'nobody',
    'nobody@',
    '@example.com',
    'a@b@example.com',
    'a b@example.com',
    'a@exam ple.com',
    'a@example.com\n',
    'a@localhost',
    'a@example.',
    'a@.example.com',
    'a@example..com',
    'a@-example.com',
    'a@example-.com',
    'a@ex_ample.com',
    'a@192.0.2.1',
    'a@[192.0.2.1]',
    'a@example.123',
    '.a@example.com',
    'a.@example.com',
    'a..b@example.com',
    '"a b"@example.com',
    'a,b@example.com',
    'a(b)@example.com',
    'a<b>@example.com',
    'a@example.com.',
    'a@example,com',
    `${'x'.repeat(65)}@example.com`,
    `a@${'x'.repeat(64)}.example`,
    'a\u200Bb@example.com',
    'a\u00A0b@example.com',
    'a@exa\u0000mple.com',
    'a😀@example.com',
    'a@mü_ller.example',
  ])('%j is none', (address) => {
    expect(isEmailAddress(address)).toBe(false);
  });
});

describe('normaliseEmail', () => {
  test.each([
    [' Ann@Example.COM ', 'ann@example.com'],
    ['info@MÜLLER.example', 'info@xn--mller-kva.example'],
    ['info@xn--MLLER-kva.example', 'info@xn--mller-kva.example'],
    // The same letter, composed and in two parts.
    ['jo\u0308rg@example.de', 'jörg@example.de'],
    ['info@mu\u0308ller.example', 'info@xn--mller-kva.example'],
    ['nothing like it', 'nothing like it'],
    ['a@ü ü', 'a@ü ü'],
  ])('%j is %j, and stays so', (address, normal) => {
    expect(normaliseEmail(address)).toBe(normal);
    expect(normaliseEmail(normal)).toBe(normal);
  });
});
