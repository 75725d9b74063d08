/** Checks a mapped contact before it is sent. */
import type { Contact } from '../contact.js';
import type { Destination } from '../destinations/destination.js';

export interface Fault {
  field: string;
  code: string;
  message: string;
}

const NONE: readonly Fault[] = [];

/** What is wrong with `contact`, at most one fault a field; empty when the destination takes it. */
export function findFaults(contact: Contact, destination: Destination): readonly Fault[] {
  const result = destination.contact.safeParse(contact);
  if (result.success) return NONE;
  const faults = new Map<string, Fault>();
  for (const issue of result.error.issues) {
    const field = issue.path.join('.');
    const code = /^[a-z_]+$/.test(issue.message) ? issue.message : issue.code;
    if (!faults.has(field))
      faults.set(field, { field, code, message: code === issue.message ? '' : issue.message });
  }
  return [...faults.values()];
}
