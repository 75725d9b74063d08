/** The invariant behind everything: the outcomes cover each row once and agree with what the API really holds. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import type { Summary } from '../../src/index.js';
import type { LedgerLine } from '../../src/sandbox/ledger.js';
import { type Row, readCsv } from './csv.js';

export interface Report {
  summary: Summary;
  outcomes: Row[];
}

export function readReport(dir: string): Report {
  const summary = JSON.parse(readFileSync(join(dir, 'summary.json'), 'utf8')) as Summary;
  return { summary, outcomes: readCsv(join(dir, 'outcomes.csv')) };
}

/** Kinds that take the same contact twice: whether an attempt without an answer has landed may stay unknown. */
const WITHOUT_UNIQUENESS = ['cendyn', 'clemta'];

/**
 * Checks the report in `dir` against the source rows and the ledger of the run's kind of API. `others`: contacts in the
 * ledger that other runs created; seeded ones are known by themselves. `sent`: what the API must hold of a row that is
 * created or updated, under the API's own names.
 */
export function expectAgreement(
  dir: string,
  source: readonly Row[],
  ledger: readonly LedgerLine[],
  others: ReadonlySet<string> = new Set(),
  sent?: (row: Row) => Record<string, unknown>,
): Report {
  const report = readReport(dir);
  const { summary, outcomes } = report;
  expect(outcomes.map((outcome) => Number(outcome.row))).toEqual(source.map((_, i) => i + 1));

  const count = (status: string) => outcomes.filter((outcome) => outcome.status === status).length;
  for (const status of ['created', 'updated', 'skipped', 'failed', 'unprocessed'] as const) {
    expect(summary[status], status).toBe(count(status));
  }
  expect(summary.rows).toBe(source.length);

  const disagreements: string[] = [];
  const held = ledger.filter((contact) => contact.api === summary.destination);
  const byId = new Map(held.map((contact) => [contact.id, contact]));
  const byEmail = new Map(held.map((contact) => [contact.email.toLowerCase(), contact]));
  const byExternalId = new Map(held.map((contact) => [contact.external_id, contact]));
  const claimed = new Set<string>();
  const updated = new Set<string>();
  /** How many unconfirmed rows each address has. */
  const inDoubt = new Map<string, number>();
  for (const [i, outcome] of outcomes.entries()) {
    const { status, reason, contact_id = '' } = outcome;
    const told = `row ${outcome.row}: ${status} ${reason} ${outcome.email}`;
    // Where nothing is unique, the report need not name the address.
    const email = outcome.email || normal(source[i]?.email);
    if (status === 'created') {
      const contact = byId.get(contact_id);
      if (!contact || contact.seeded || contact.email.toLowerCase() !== email) {
        disagreements.push(`${told}, but the API does not hold it as ours`);
      } else if (claimed.has(contact.id)) disagreements.push(`${told}, claimed twice`);
      else claimed.add(contact.id);
    }
    if (status === 'updated') {
      // A bulk answer names no ids.
      const contact = contact_id === '' ? byEmail.get(email) : byId.get(contact_id);
      if (contact?.email.toLowerCase() === email) updated.add(contact.id);
      else disagreements.push(`${told}, but the API does not hold it`);
    }
    if (sent && (status === 'created' || status === 'updated')) {
      const contact = contact_id === '' ? byEmail.get(email) : byId.get(contact_id);
      for (const [field, value] of Object.entries(sent(source[i]!))) {
        if (!isDeepStrictEqual(contact?.fields[field], value)) {
          disagreements.push(`${told}, but the API holds another ${field}`);
        }
      }
    }
    if (reason === 'duplicate_email' && !byEmail.has(email)) {
      disagreements.push(`${told}, but the API has no such address`);
    }
    if (reason === 'duplicate_external_id' && !byExternalId.has(outcome.external_id ?? '')) {
      disagreements.push(`${told}, but the API has no such id`);
    }
    if (
      reason === 'duplicate_contact' &&
      !byEmail.has(email) &&
      !byExternalId.has(outcome.external_id ?? '')
    ) {
      disagreements.push(`${told}, but the API has neither the address nor the id`);
    }
    if (reason === 'unconfirmed') inDoubt.set(email, (inDoubt.get(email) ?? 0) + 1);
  }
  const mayStayUnknown = WITHOUT_UNIQUENESS.includes(summary.destination);
  for (const contact of held) {
    const { id, seeded, email } = contact;
    if (seeded || claimed.has(id) || updated.has(id) || others.has(id)) continue;
    const doubts = inDoubt.get(email.toLowerCase()) ?? 0;
    if (mayStayUnknown && doubts > 0) inDoubt.set(email.toLowerCase(), doubts - 1);
    else {
      const said = outcomes.filter((_, i) => normal(source[i]?.email) === email.toLowerCase());
      const told = said.map(
        ({ row, status, reason, message }) => `row ${row}: ${status} ${reason} ${message}`,
      );
      disagreements.push(`${email} is in the API, but no row is created for it (${told.join('; ')})`);
    }
  }
  expect(disagreements.slice(0, 20)).toEqual([]);
  return report;
}

function normal(address = ''): string {
  return address.trim().toLowerCase();
}
