/**
 * Cells that a spreadsheet would run as a formula are written with an apostrophe before them, and read back without
 * it. The rule also covers cells that already have apostrophes there, so that it can be undone exactly.
 */
const ACTIVE = /^'*[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;
const GUARDED = /^'+[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;

export function guardFormula(cell: string): string {
  return ACTIVE.test(cell) ? `'${cell}` : cell;
}

export function unguardFormula(cell: string): string {
  return GUARDED.test(cell) ? cell.slice(1) : cell;
}
