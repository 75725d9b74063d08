/** CSV files for tests, and reading reports back. */
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';

export type Row = Record<string, string>;

export function writeCsv(path: string, rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  writeFileSync(path, stringify(rows as Row[], { header: true, columns }));
  return path;
}

export function readCsv(path: string): Row[] {
  return parse(readFileSync(path), { columns: true, bom: true }) as Row[];
}

/** `count` people nobody knows yet, numbered from `first`. */
export function people(count: number, first = 1): Row[] {
  return Array.from({ length: count }, (_, i) => person(first + i));
}

export function person(n: number): Row {
  return {
    email: `person${n}@example.com`,
    external_id: `P-${n}`,
    first_name: `First${n}`,
    last_name: `Last${n}`,
    tags: n % 3 === 0 ? 'customer,vip' : 'customer',
    company: `Company ${n % 100}`,
  };
}
