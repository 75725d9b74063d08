/** Checks a mapped contact before it is sent. */
import type { Contact } from '../contact.js';
import type { Destination } from '../destinations/destination.js';

export interface Fault {
  field: string;
  code: string;
  message: string;
}

/** The first fault of `contact`, or undefined when the destination takes it. */
export function findFault(contact: Contact, destination: Destination): Fault | undefined {
  const result = destination.contact.safeParse(contact);
  if (result.success) return undefined;
  const issue = result.error.issues[0]!;
  const field = issue.path.join('.');
  const code = /^[a-z_]+$/.test(issue.message) ? issue.message : issue.code;
  return { field, code, message: code === issue.message ? '' : issue.message };
}
