/** The invariant behind everything: the outcomes cover each row once and agree with what the API really holds. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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

/**
 * Checks the report in `dir` against the source rows and the ledger. `others`: contacts in the ledger that other runs
 * created; seeded ones are known by themselves.
 */
export function expectAgreement(
  dir: string,
  source: readonly Row[],
  ledger: readonly LedgerLine[],
  others: ReadonlySet<string> = new Set(),
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
  const byId = new Map(ledger.map((contact) => [contact.id, contact]));
  const byEmail = new Map(ledger.map((contact) => [contact.email.toLowerCase(), contact]));
  const byExternalId = new Map(ledger.map((contact) => [contact.external_id, contact]));
  const claimed = new Set<string>();
  for (const outcome of outcomes) {
    const told = `row ${outcome.row}: ${outcome.status} ${outcome.reason} ${outcome.email}`;
    if (outcome.status === 'created') {
      const contact = byId.get(outcome.contact_id ?? '');
      if (!contact || contact.seeded || contact.email.toLowerCase() !== outcome.email) {
        disagreements.push(`${told}, but the API does not hold it as ours`);
      } else if (claimed.has(contact.id)) disagreements.push(`${told}, claimed twice`);
      else claimed.add(contact.id);
    }
    if (outcome.reason === 'duplicate_email' && !byEmail.has(outcome.email ?? '')) {
      disagreements.push(`${told}, but the API has no such address`);
    }
    if (outcome.reason === 'duplicate_external_id' && !byExternalId.has(outcome.external_id ?? '')) {
      disagreements.push(`${told}, but the API has no such id`);
    }
  }
  for (const contact of ledger) {
    if (!contact.seeded && !claimed.has(contact.id) && !others.has(contact.id)) {
      disagreements.push(`${contact.email} is in the API, but no row is created for it`);
    }
  }
  expect(disagreements.slice(0, 20)).toEqual([]);
  return report;
}
