/**
 * JSONata, evaluated at once and within limits. Its `evaluate` is asynchronous, though it waits for nothing but its own
 * promises. So it runs in a context with a queue of its own for them, which Node empties before it returns:
 * `microtaskMode: 'afterEvaluate'` of `node:vm`. That keeps one JSONata for the whole of rowferry, for destinations
 * whose functions are synchronous and for mappings alike, and lets a search by a regular expression be ended, which
 * nothing inside JavaScript can. Only JSON text crosses the border, so nothing that a row or an answer holds can reach
 * our own objects.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Context, createContext, Script } from 'node:vm';

export interface Limits {
  /** How many calls may be under way: JSONata goes through a list at once. */
  stack: number;
  /** Elements of one sequence. */
  sequence: number;
  /** Steps of one evaluation: a count decides alike on every machine. */
  steps?: number;
  /** Ms for one evaluation, measured by JSONata itself; not while a regular expression searches. */
  timeout?: number;
  /** Ms for an expression with a regular expression. */
  searchMs: number;
  /** The moment that `$now()` and `$millis()` tell; default: the moment. */
  nowMs?: number;
  /** A function, or a number JSON cannot write, is a fault and not left out. */
  strict?: boolean;
}

export interface Jsonata {
  /** Names and variables that it mentions. */
  names: ReadonlySet<string>;
  variables: ReadonlySet<string>;
  /** JSON text in and out; undefined = no value. Throws a sentence, a {@link TooSlow} when its time is over. */
  evaluate(input: string | undefined, bindings: string): string | undefined;
}

/** The text is no JSONata. */
export class NotUnderstood extends Error {
  constructor(
    message: string,
    /** The character at which it was given up. */
    readonly position?: number,
  ) {
    super(message);
  }
}

/** It was ended by the clock, which a machine that stood still may be to blame for. */
export class TooSlow extends Error {}

/** Throws {@link NotUnderstood}. */
export function compileJsonata(text: string, limits: Limits): Jsonata {
  engine ??= startEngine();
  const { compile, evaluate } = engine;
  const { index, fault, position, ast } = compile(text, JSON.stringify(limits));
  if (fault !== undefined) throw new NotUnderstood(fault, position);
  const { names, variables, searches } = mentionedIn(ast);
  // $eval compiles a text that is not known yet.
  const ms = searches || variables.has('eval') ? limits.searchMs : undefined;
  return { names, variables, evaluate: (input, bindings) => evaluate({ index, input, bindings }, ms) };
}

function mentionedIn(ast: unknown) {
  const names = new Set<string>();
  const variables = new Set<string>();
  let searches = false;
  const seen = new Set<unknown>();
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null || seen.has(node)) return;
    seen.add(node);
    const { type, value } = node as { type?: unknown; value?: unknown };
    if (type === 'name' && typeof value === 'string') names.add(value);
    if (type === 'variable' && typeof value === 'string') variables.add(value);
    if (type === 'regex') searches = true;
    for (const child of Object.values(node)) walk(child);
  };
  walk(ast);
  return { names, variables, searches };
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
  compile(
    text: string,
    limits: string,
  ): { index: number; ast?: unknown; fault?: string; position?: number | undefined };
  evaluate(work: Work, ms: number | undefined): string | undefined;
}

/** One for the process, started by the first expression that needs it. */
let engine: Engine | undefined;

/** Looked up as locals: the global object of a context is slow to ask. */
const GLOBALS =
  'Array,Boolean,Date,Error,Infinity,Intl,JSON,Map,Math,NaN,Number,Object,Promise,RangeError,RegExp,Set,String,Symbol,' +
  'TypeError,decodeURI,decodeURIComponent,encodeURI,encodeURIComponent,isFinite,isNaN,parseFloat,parseInt';

/** Inside the context: keeps the compiled expressions, and takes up the work it was given when `run` is run. */
const HARNESS = `(jsonata) => {
  const { parse, stringify } = JSON;
  const ENTRY = Symbol.for('jsonata.__evaluate_entry'); // jsonata's hook before every step
  const expressions = [];
  let work;
  let steps = 0;
  const words = (fault) => (fault && typeof fault.message === 'string' ? fault.message : String(fault));
  const checked = (name, value) => {
    const made = typeof value === 'object' && value !== null && '_jsonata_function' in value;
    if (made || typeof value === 'function') throw new Error('its result is a function');
    if (typeof value === 'number' && !isFinite(value)) throw new Error('its result is no finite number');
    return value;
  };
  globalThis.run = () => {
    const mine = work;
    const { expression, strict } = expressions[mine.index];
    steps = 0;
    const input = mine.input === undefined ? undefined : parse(mine.input);
    expression.evaluate(input, parse(mine.bindings))
      .then((value) => { mine.output = stringify(value, strict ? checked : undefined); mine.done = true; })
      .then(undefined, (fault) => { mine.fault = words(fault); mine.done = true; });
  };
  return {
    take(given) { work = given; },
    compile(text, given) {
      const { stack, sequence, timeout, steps: most, nowMs, strict } = parse(given);
      try {
        const expression = jsonata(text, { stack, sequence, ...(timeout === undefined ? {} : { timeout }) });
        if (nowMs !== undefined) {
          expression.registerFunction('now', () => new Date(nowMs).toISOString(), '<:s>');
          expression.registerFunction('millis', () => nowMs, '<:n>');
        }
        if (most !== undefined) {
          expression.assign(ENTRY, () => {
            if (++steps > most) throw new Error('it did not end within ' + most + ' steps');
          });
        }
        return { index: expressions.push({ expression, strict }) - 1, ast: expression.ast() };
      } catch (fault) {
        return { index: -1, fault: words(fault), position: fault ? fault.position : undefined };
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
  const inside = within(HARNESS, 'expression.js')(module.exports) as {
    take(work: Work): void;
    compile: Engine['compile'];
  };
  const run = new Script('run()');
  return {
    compile: (text, limits) => inside.compile(text, limits),
    evaluate(work, ms) {
      inside.take(work);
      try {
        run.runInContext(context, ms === undefined ? {} : { timeout: ms });
      } catch {
        throw new TooSlow(`the expression took longer than ${ms} ms`);
      }
      if (work.fault !== undefined) throw new Error(work.fault);
      if (work.done !== true) throw new Error('the expression came to no end');
      return work.output;
    },
  };
}
