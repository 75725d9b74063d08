/** JSONata expressions over the cells of a row, bounded and repeatable: every pass over the source finds the same. */
import jsonata from 'jsonata';
import { Unfit } from './unfit.js';

/** Of one row's expression; a count and not a time, so that a slow machine decides as a fast one does. */
const MOST_STEPS = 20_000;
const MOST_DEPTH = 200;
const MOST_ELEMENTS = 10_000;
/** jsonata's hook before every step. */
const ENTRY = Symbol.for('jsonata.__evaluate_entry') as unknown as string;

/** Would find something else on every pass, or run the text of a cell as code. */
const REFUSED = new Set(['random', 'shuffle', 'eval']);

export interface Expression {
  /** Names it reads; among them the columns. */
  names: ReadonlySet<string>;
  /** A JSON value, undefined, or an {@link Unfit}. */
  evaluate(record: Record<string, string>): Promise<unknown>;
}

/** Throws the end of a sentence for text that is no expression. `$now()` and `$millis()` are `nowMs`. */
export function compileExpression(text: string, nowMs: number): Expression {
  let expression: jsonata.Expression;
  try {
    expression = jsonata(text, { stack: MOST_DEPTH, sequence: MOST_ELEMENTS });
  } catch (error) {
    const { position } = error as { position?: number };
    const where = position === undefined ? '' : ` at character ${position}`;
    throw new Error(`jsonata "${text}" is not understood${where}: ${sentenceOf(error)}`);
  }
  const { names, variables } = namesIn(expression.ast());
  const refused = [...variables].find((name) => REFUSED.has(name));
  if (refused !== undefined) {
    throw new Error(`jsonata "${text}" uses $${refused}, which is not to be had here`);
  }
  expression.registerFunction('now', () => new Date(nowMs).toISOString(), '<:s>');
  expression.registerFunction('millis', () => nowMs, '<:n>');
  let steps = 0;
  expression.assign(ENTRY, () => {
    if (++steps > MOST_STEPS) throw new Error(`it did not end within ${MOST_STEPS} steps`);
  });
  return {
    names,
    async evaluate(record) {
      steps = 0;
      try {
        return plainValue(await expression.evaluate(record));
      } catch (error) {
        return new Unfit('expression_failed', sentenceOf(error));
      }
    },
  };
}

/** What JSON can hold of a result: jsonata's lists carry marks, its functions are objects, and 1/0 is a number. */
function plainValue(result: unknown): unknown {
  if (typeof result !== 'object') return checked('', result);
  return JSON.parse(JSON.stringify(result, checked)) as unknown;
}

function checked(_name: string, value: unknown): unknown {
  const made = typeof value === 'object' && value !== null && '_jsonata_function' in value;
  if (made || typeof value === 'function') throw new Error('its result is a function');
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error('its result is no finite number');
  return value;
}

function sentenceOf(error: unknown): string {
  const { message } = error as { message?: unknown };
  return (typeof message === 'string' && message !== '' ? message : 'it failed').slice(0, 300);
}

function namesIn(ast: unknown): { names: Set<string>; variables: Set<string> } {
  const names = new Set<string>();
  const variables = new Set<string>();
  const seen = new Set<unknown>();
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null || seen.has(node)) return;
    seen.add(node);
    const { type, value } = node as { type?: unknown; value?: unknown };
    if (type === 'name' && typeof value === 'string') names.add(value);
    if (type === 'variable' && typeof value === 'string') variables.add(value);
    for (const child of Object.values(node)) walk(child);
  };
  walk(ast);
  return { names, variables };
}
