/** JSONata expressions over the cells of a row, bounded and repeatable: every pass over the source finds the same. */
import { setImmediate as turn } from 'node:timers/promises';
import { compileJsonata, type Jsonata, type NotUnderstood, TooSlow } from '../expression.js';
import { Unfit } from './unfit.js';

/** Steps are a count and not a time, so that a slow machine decides as a fast one does. */
const LIMITS = { steps: 20_000, stack: 200, sequence: 10_000, strict: true, searchMs: 500 };

/** Would find something else on every pass, or run the text of a cell as code. */
const REFUSED = new Set(['random', 'shuffle', 'eval']);

/** The code of a row whose expression was ended by the clock. */
export const SLOW = 'expression_slow';

export interface Expression {
  /** Names it reads; among them the columns. */
  names: ReadonlySet<string>;
  /** A JSON value, undefined, or an {@link Unfit}. */
  evaluate(record: Record<string, string>): Promise<unknown>;
}

/** Throws the end of a sentence for text that is no expression. `$now()` and `$millis()` are `nowMs`. */
export function compileExpression(text: string, nowMs: number): Expression {
  let expression: Jsonata;
  try {
    expression = compileJsonata(text, { ...LIMITS, nowMs });
  } catch (error) {
    const { position } = error as NotUnderstood;
    const where = position === undefined ? '' : ` at character ${position}`;
    throw new Error(`jsonata "${text}" is not understood${where}: ${sentenceOf(error)}`);
  }
  const { names, variables } = expression;
  const refused = [...variables].find((name) => REFUSED.has(name));
  if (refused !== undefined) {
    throw new Error(`jsonata "${text}" uses $${refused}, which is not to be had here`);
  }
  const evaluate = (record: Record<string, string>): unknown => {
    const found = expression.evaluate(JSON.stringify(record), '{}');
    return found === undefined ? undefined : (JSON.parse(found) as unknown);
  };
  return {
    names,
    async evaluate(record) {
      for (let tries = 1; ; tries++) {
        try {
          return evaluate(record);
        } catch (error) {
          if (!(error instanceof TooSlow)) return new Unfit('expression_failed', sentenceOf(error));
          await turn(); // everything else in the process has waited, too
          // A machine that stood still is no fault of the row's; twice at this very row it did not.
          if (tries === 2) return new Unfit(SLOW, `it did not end within ${LIMITS.searchMs / 1000} s`);
        }
      }
    },
  };
}

function sentenceOf(error: unknown): string {
  const { message } = error as { message?: unknown };
  return (typeof message === 'string' && message !== '' ? message : 'it failed').slice(0, 300);
}
