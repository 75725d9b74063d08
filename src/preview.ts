/** Where the columns of a file would go, by its first rows: for somebody who is about to decide it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type CheckedColumn, sample } from './check.js';
import { systemClock } from './clock.js';
import type { Environment } from './config.js';
import { Accounts } from './destinations/accounts.js';
import type { Dialect } from './dialect.js';
import { openIngest } from './ingest/ingest.js';
import { unfilledFields } from './ingest/required.js';
import type { MappingSpec } from './mapping.js';
import { planRun } from './runner/plan-source.js';

const ANYTHING = z.record(z.string(), z.unknown());

export interface Preview {
  dialect: Dialect;
  /** In the order of the header; then what rules make of several columns, or of none. */
  columns: CheckedColumn[];
  /** Columns that no field knows and that are sent by their own names. */
  unknown: string[];
  /** Required by the destination, and filled by nothing. */
  unfilled: string[];
  warnings: string[];
}

/** Throws a sentence for a file that cannot be read, or a mapping that makes no sense. */
export async function previewSource(
  path: string,
  options: { to: string; mapping?: MappingSpec; env: Environment },
): Promise<Preview> {
  const account = await new Accounts(options.env).chooseToCheck(options.to);
  const { destination } = account;
  // What is missing is told, not refused.
  const lenient = { ...account, destination: { ...destination, contact: ANYTHING } };
  const scratch = await mkdtemp(join(tmpdir(), 'rowferry-'));
  try {
    const request = { source: path, account: lenient, mapping: options.mapping, reportDir: scratch };
    const { plan, warnings } = await planRun(scratch, systemClock, request);
    const { mapping, rows } = await openIngest(plan, lenient);
    const { value: first = [] } = await rows.next();
    await rows.return();
    const columns: CheckedColumn[] = mapping.columns.map(({ header, field }, i) => {
      const samples: string[] = [];
      for (const { cells } of first ?? []) sample(samples, cells[i]);
      return { from: header.trim(), ...(field === undefined ? {} : { field }), samples };
    });
    for (const { from, field } of mapping.made) columns.push({ from, field, samples: [] });
    const targets = columns.flatMap(({ field }) => (field === undefined ? [] : [targetOf(field)]));
    return {
      dialect: plan.dialect,
      columns,
      unknown: columns.flatMap(({ from, field }) =>
        field !== undefined && isOwn(field, from) ? [from] : [],
      ),
      unfilled: unfilledFields(targets, destination, destination.defaults?.(account.options) ?? {}),
      warnings,
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }

  function targetOf(field: string) {
    const kind = destination.fields[field] ?? ('text' as const);
    return { field, path: field.split('.'), kind, own: true };
  }

  /** Not a field that the destination has, and not one that the header names by itself. */
  function isOwn(field: string, header: string): boolean {
    const known = Object.hasOwn(destination.fields, field);
    return !known && (field === header ? destination.unmapped === 'contact' : field.endsWith(`.${header}`));
  }
}
