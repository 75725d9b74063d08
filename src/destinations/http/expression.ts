/**
 * The expressions of an `http` destination. Plain paths (`errors[0].code`), which are most of what is written, are
 * walked here, about a hundred times as fast as JSONata, which does all others (src/expression.ts).
 */
import { compileJsonata, type NotUnderstood } from '../../expression.js';

export type Bindings = Record<string, unknown>;

export interface Expression {
  /** The value for `input`; `bindings` are its variables. undefined = none. Throws a sentence of JSONata's. */
  value(input: unknown, bindings?: Bindings): unknown;
  /** The same as JSON text. */
  json(input: unknown, bindings?: Bindings): string | undefined;
}

/** JSONata goes through a list at once: what an answer lists may be long. */
const LIMITS = { timeout: 2_000, searchMs: 2_000, stack: 20_000, sequence: 100_000 };

/** Throws a sentence when `text` is no JSONata. */
export function compileExpression(text: string): Expression {
  if (text.trim() === '$') {
    return { value: (input) => input, json: (input) => JSON.stringify(input) };
  }
  const steps = stepsOf(text);
  if (steps === undefined) return jsonataOf(text);
  let slow: Expression | undefined;
  const value = (input: unknown, bindings?: Bindings) => {
    const found = walk(steps, input);
    if (found !== BRANCHES) return found;
    slow ??= jsonataOf(text);
    return slow.value(input, bindings);
  };
  return { value, json: (input, bindings) => JSON.stringify(value(input, bindings)) };
}

/** Over what was read of an answer; an expression that fails has no value. */
export function evaluated(
  expression: Expression,
  { body, bindings }: { body: unknown; bindings: Bindings },
): unknown {
  try {
    return expression.value(body, bindings);
  } catch {
    return undefined;
  }
}

/** Whether an expression says yes; one that fails does not. */
export function compileCondition(text: string): (input: unknown, bindings?: Bindings) => boolean {
  compileExpression(text); // the faults it has without what is put around it
  const expression = compileExpression(`$boolean((${text}))`);
  return (input, bindings) => {
    try {
      return expression.value(input, bindings) === true;
    } catch {
      return false;
    }
  };
}

type Step = { name: string; indexes: number[] };

const PATH = /^[A-Za-z_]\w*(?:\[\d{1,6}\])*(?:\.[A-Za-z_]\w*(?:\[\d{1,6}\])*)*$/;
const WORDS = new Set(['and', 'or', 'in', 'true', 'false', 'null']);

/** The steps of a plain path; undefined: it is more than that. */
function stepsOf(text: string): Step[] | undefined {
  if (!PATH.test(text)) return undefined;
  const steps = text.split('.').map((step) => {
    const [name, ...indexes] = step.split('[');
    return { name: name!, indexes: indexes.map((index) => Number.parseInt(index, 10)) };
  });
  return steps.some(({ name }) => WORDS.has(name)) ? undefined : steps;
}

const BRANCHES = Symbol('a list where the path has no index: JSONata goes on in each of its elements');

function walk(steps: readonly Step[], input: unknown): unknown {
  let value = input;
  for (const { name, indexes } of steps) {
    if (Array.isArray(value)) return BRANCHES;
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
    for (const index of indexes) {
      if (Array.isArray(value)) value = value[index];
      else if (index > 0) return undefined;
      if (Array.isArray(value)) return BRANCHES;
    }
  }
  return value;
}

function jsonataOf(text: string): Expression {
  let evaluate: ReturnType<typeof compileJsonata>['evaluate'];
  try {
    ({ evaluate } = compileJsonata(text, LIMITS));
  } catch (error) {
    const { message, position = 0 } = error as NotUnderstood;
    throw new Error(`is no JSONata: ${message}${position > 0 ? ` (at character ${position})` : ''}`);
  }
  const json = (input: unknown, bindings: Bindings = {}) =>
    evaluate(JSON.stringify(input), JSON.stringify(bindings));
  const value = (input: unknown, bindings?: Bindings): unknown => {
    const found = json(input, bindings);
    return found === undefined ? undefined : JSON.parse(found);
  };
  return { value, json };
}
