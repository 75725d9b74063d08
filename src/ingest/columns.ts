/** The columns of a header, and how rules find theirs. */
import { type Rule, TYPES, type ValueType } from '../mapping.js';
import { didYouMean } from '../spelling.js';
import type { Treatment } from './convert.js';
import { type MappingFaults, quoted } from './faults.js';
import { plain, type Target } from './fields.js';
import type { BoundRule, Column } from './rules.js';

export interface AssignedColumn extends Column {
  /** The header without its type. */
  name: string;
  target?: Target;
  treatment?: Treatment;
  /** A rule uses the column: `moved` to a field of the rule's choice, or `read` among others. */
  used?: 'moved' | 'read';
}

export interface FoundRule extends BoundRule {
  columns: AssignedColumn[];
}

/** Written exactly so: "Billing: Phone" is what a person calls a column. */
const TYPED_HEADER = new RegExp(`^(.*\\S):(${TYPES.join('|')})$`);

export function readHeader(text: string, index: number): AssignedColumn {
  const header = text.trim();
  const [, name, type] = TYPED_HEADER.exec(header) ?? [];
  if (name === undefined) return { index, header, name: header };
  return { index, header, name, type: type as ValueType };
}

/** Finds the columns of a rule and understands its expression; what it cannot goes to `faults`. */
export async function bindRule(
  field: string,
  rule: Rule,
  columns: readonly AssignedColumn[],
  nowMs: number,
  faults: MappingFaults,
): Promise<FoundRule> {
  const found: AssignedColumn[] = [];
  for (const name of rule.columns ?? (rule.column === undefined ? [] : [rule.column])) {
    const column = findColumn(columns, name);
    if (column !== undefined) found.push(column);
    else {
      const header = columns.map(({ header }) => header);
      const meant = looksLikeRow(header) ? '' : didYouMean(name, header);
      const sentence = `map.${field} names the column "${name}", which the header does not have.${meant}`;
      const hint = looksLikeRow(header) ? ROW_FOR_HEADER : `The header has: ${quoted(header)}.`;
      faults.add('MAP_COLUMN_UNKNOWN', sentence, hint, field);
    }
  }
  if (rule.jsonata === undefined) return { rule, columns: found };
  const { compileExpression } = await import('./expression.js');
  try {
    const expression = compileExpression(rule.jsonata, nowMs);
    return { rule, columns: columns.filter(({ header }) => expression.names.has(header)), expression };
  } catch (error) {
    faults.add('MAPPING_INVALID', `map.${field}: ${(error as Error).message}.`, undefined, field);
    return { rule, columns: [] };
  }
}

/** Written as in the header beats alike: `email` and `E-mail` may both be columns. */
function findColumn(columns: readonly AssignedColumn[], name: string): AssignedColumn | undefined {
  const among = (alike: (column: AssignedColumn) => boolean) => {
    const found = columns.filter(alike);
    return found.find(({ used }) => used === undefined) ?? found[0];
  };
  const wanted = plain(name);
  return (
    among(({ header }) => header === name) ??
    among((column) => column.name === name) ??
    among(({ header }) => wanted !== '' && plain(header) === wanted) ??
    among((column) => wanted !== '' && plain(column.name) === wanted)
  );
}

/** Its cells are somebody's data and not repeated. */
export const ROW_FOR_HEADER =
  'The first line holds an e-mail address where the names of the columns belong: the file seems to have no header. Put a line with the names before it, like "email,first_name,last_name", or say --no-header and call the columns by their numbers, like --map "1=email".';

export function looksLikeRow(header: readonly string[]): boolean {
  return header.some((name) => /^\s*[^\s@]+@[^\s@]+\.[^\s@]+\s*$/.test(name));
}
