/**
 * What counts as an e-mail address. The rule of HTML (WHATWG, `<input type=email>`) is the base; international domains
 * and letters are taken as well, and refused is what no mail system delivers: a domain without a dot or one that ends
 * in a number, dots at the ends of the mailbox or two in a row, more than 64 characters before the `@`.
 */
import { domainToASCII } from 'node:url';

/** The longest address that SMTP can carry (RFC 5321). */
export const LONGEST_EMAIL = 254;
const LONGEST_MAILBOX = 64;

/** WHATWG's characters, and letters, marks and digits of any script (RFC 6531), in pieces between single dots. */
const MAILBOX =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\p{L}\p{M}\p{N}-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\p{L}\p{M}\p{N}-]+)*$/u;
/** At least two labels, the last of them no number. */
const DOMAIN =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
const ASCII = /^\p{ASCII}*$/u;

/** Whether `text` is one whole address; its length is {@link LONGEST_EMAIL} at the most, which is told apart. */
export function isEmailAddress(text: string): boolean {
  const at = text.lastIndexOf('@');
  const mailbox = text.slice(0, at);
  if (at < 1 || mailbox.length > LONGEST_MAILBOX || !MAILBOX.test(mailbox)) return false;
  return DOMAIN.test(asciiDomain(text.slice(at + 1)));
}

/**
 * The form in which addresses are compared and sent: trimmed, lower case, the domain in ASCII (`müller.example` is
 * `xn--mller-kva.example`), as browsers send it and mail travels. Mailboxes that differ by case alone are the same person
 * everywhere in practice, and a case-sensitive API would otherwise hold them twice.
 */
export function normaliseEmail(address: string): string {
  const plain = address.trim().toLowerCase();
  if (ASCII.test(plain)) return plain;
  const composed = plain.normalize('NFC');
  const at = composed.lastIndexOf('@');
  return at < 0 ? composed : composed.slice(0, at + 1) + asciiDomain(composed.slice(at + 1));
}

/** Left as it is where it is no domain. */
function asciiDomain(domain: string): string {
  return ASCII.test(domain) ? domain : domainToASCII(domain) || domain;
}
