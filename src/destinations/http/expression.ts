/**
 * JSONata, evaluated at once. A destination's functions are synchronous, for speed; JSONata's `evaluate` is not, though
 * it waits for nothing but its own promises. So it runs in a context with a queue of its own for them, which Node
 * empties before it returns: `microtaskMode: 'afterEvaluate'` of `node:vm`. That keeps one JSONata for the whole of
 * rowferry (its 1.x was synchronous, but is another dialect and knows no limits), costs no more than the promises do,
 * and lets an endless expression be ended. Only JSON text crosses the border, so nothing an answer holds can reach
 * our own objects.
 *
 * Plain paths (`errors[0].code`), which are most of what is written, do without: they are walked here, about a hundred
 * times as fast.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Context, createContext, Script } from 'node:vm';

export type Bindings = Record<string, unknown>;

export interface Expression {
  /** The value for `input`; `bindings` are its variables. undefined = none. Throws a sentence of JSONata's. */
  value(input: unknown, bindings?: Bindings): unknown;
  /** The same as JSON text. */
  json(input: unknown, bindings?: Bindings): string | undefined;
}

const TIMEOUT_MS = 2_000;
/** How many calls may be under way (JSONata goes through a list at once), and elements in one sequence. */
const GUARD = { timeout: TIMEOUT_MS, stack: 20_000, sequence: 100_000 };

/** Throws a sentence when `text` is no JSONata. */
export function compileExpression(text: string): Expression {
  if (text.trim() === '$') {
    return { value: (input) => input, json: (input) => JSON.stringify(input) };
  }
  const steps = stepsOf(text);
  if (steps === undefined) return compileJsonata(text);
  let slow: Expression | undefined;
  const value = (input: unknown, bindings?: Bindings) => {
    const found = walk(steps, input);
    if (found !== BRANCHES) return found;
    slow ??= compileJsonata(text);
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

function compileJsonata(text: string): Expression {
  engine ??= startEngine();
  const { compile, evaluate } = engine;
  const { index, fault, watched } = compile(text);
  if (fault !== undefined) throw new Error(`is no JSONata: ${fault}`);
  const json = (input: unknown, bindings: Bindings = {}) =>
    evaluate({ index, input: JSON.stringify(input), bindings: JSON.stringify(bindings) }, watched);
  const value = (input: unknown, bindings?: Bindings): unknown => {
    const found = json(input, bindings);
    return found === undefined ? undefined : JSON.parse(found);
  };
  return { value, json };
}

/** One evaluation: what goes in, and what came out. */
interface Work {
  index: number;
  input: string | undefined;
  bindings: string;
  done?: boolean;
  output?: string;
  fault?: string;
}

interface Engine {
  /** `watched`: it has a regular expression, whose search only the clock of `node:vm` can end. */
  compile(text: string): { index: number; fault?: string; watched: boolean };
  evaluate(work: Work, watched: boolean): string | undefined;
}

/** One for the process, started by the first expression that needs it. */
let engine: Engine | undefined;

/** Looked up as locals: the global object of a context is slow to ask. */
const GLOBALS =
  'Array,Boolean,Date,Error,Infinity,Intl,JSON,Map,Math,NaN,Number,Object,Promise,RangeError,RegExp,Set,String,Symbol,' +
  'TypeError,decodeURI,decodeURIComponent,encodeURI,encodeURIComponent,isFinite,isNaN,parseFloat,parseInt';

/** Inside the context: keeps the compiled expressions, and takes up the work it was given when `run` is run. */
const HARNESS = `(jsonata, guard) => {
  const { parse, stringify } = JSON;
  const expressions = [];
  let work;
  const words = (fault) => (fault && typeof fault.message === 'string' ? fault.message : String(fault));
  const usesRegex = (text, ast) => text.includes('$eval') || stringify(ast).includes('"type":"regex"');
  globalThis.run = () => {
    const mine = work;
    const input = mine.input === undefined ? undefined : parse(mine.input);
    expressions[mine.index].evaluate(input, parse(mine.bindings))
      .then((value) => { mine.output = stringify(value); mine.done = true; })
      .then(undefined, (fault) => { mine.fault = words(fault); mine.done = true; });
  };
  return {
    take(given) { work = given; },
    compile(text) {
      try {
        const expression = jsonata(text, { ...parse(guard) });
        const watched = usesRegex(text, expression.ast());
        return { index: expressions.push(expression) - 1, watched };
      } catch (fault) {
        const at = fault && fault.position > 0 ? ' (at character ' + fault.position + ')' : '';
        return { index: -1, watched: false, fault: words(fault) + at };
      }
    },
  };
}`;

function startEngine(): Engine {
  const context: Context = createContext(Object.create(null), {
    microtaskMode: 'afterEvaluate',
    codeGeneration: { strings: false, wasm: false },
  });
  const within = (source: string, filename: string) =>
    new Script(source, { filename }).runInContext(context) as (...given: unknown[]) => unknown;
  const path = createRequire(import.meta.url).resolve('jsonata');
  const load = within(
    `(module, window) => (({${GLOBALS}}) => { const exports = module.exports;\n${readFileSync(path, 'utf8')}\n})(globalThis)`,
    path,
  );
  const module = { exports: undefined as unknown };
  module.exports = {};
  load(module, { btoa, atob });
  const inside = within(HARNESS, 'expression.js')(module.exports, JSON.stringify(GUARD)) as {
    take(work: Work): void;
    compile: Engine['compile'];
  };
  const run = new Script('run()');
  return {
    compile: (text) => inside.compile(text),
    evaluate(work, watched) {
      inside.take(work);
      try {
        run.runInContext(context, watched ? { timeout: TIMEOUT_MS } : {});
      } catch {
        throw new Error(`the expression took longer than ${TIMEOUT_MS} ms`);
      }
      if (work.fault !== undefined) throw new Error(work.fault);
      if (work.done !== true) throw new Error('the expression came to no end');
      return work.output;
    },
  };
}
