/** A YAML text as values, with `${…}` replaced from the environment, and with the place of everything in it. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar } from 'yaml';
import type { Environment } from '../config.js';

export type Path = readonly PropertyKey[];

export interface Fault {
  path: Path;
  message: string;
  /** In the text; 1-based. */
  line: number;
  column: number;
}

export interface ConfigDocument {
  value: unknown;
  /** What is no YAML, and `${…}` that make no sense. */
  faults: Fault[];
  /** Variables that are not set; their values read as the empty text. */
  unset: Fault[];
  /** A fault at `path`, or where the nearest thing around it stands. */
  faultAt(path: Path, message: string): Fault;
  /** Whether the value at `path` holds something of the environment: it may be a secret then. */
  fromEnvironment(path: Path): boolean;
  /** Texts as they stand, without `${…}`, by their paths. */
  literals: readonly { path: Path; text: string }[];
}

/** `${NAME}` and `${NAME:-default}`; `$${` stands for `${`. */
const VARIABLE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

/** Far more than anybody writes; an alias in an alias in an alias soon stands for millions. */
const MOST_VALUES = 100_000;

export function readDocument(text: string, environment: Environment): ConfigDocument {
  const lines = new LineCounter();
  // Pretty errors quote the text around them, which may be a key.
  const yaml = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const offsets = new Map<string, number>();
  const fromEnvironment = new Set<string>();
  const literals: { path: Path; text: string }[] = [];
  const faults: Fault[] = [];
  const unset: Fault[] = [];

  const fault = (path: Path, message: string, offset: number): Fault => {
    const { line, col } = lines.linePos(offset);
    return { path, message, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const faultAt = (path: Path, message: string): Fault => {
    for (let length = path.length; length > 0; length--) {
      const offset = offsets.get(keyOf(path.slice(0, length)));
      if (offset !== undefined) return fault(path, message, offset);
    }
    return fault(path, message, yaml.contents?.range?.[0] ?? 0);
  };

  // After the first thing that is no YAML nearly all that follows looks wrong, too.
  const [first, ...others] = yaml.errors;
  const repeated = others.filter(({ code }) => code === 'DUPLICATE_KEY');
  for (const { message, pos } of [...(first ? [first] : []), ...repeated, ...yaml.warnings]) {
    const { line } = lines.linePos(pos[0]);
    const inFlow = /[{[,].*\$\{/.test(text.split('\n')[line - 1] ?? '');
    const hint = inFlow ? `; between { } or [ ] a \${…} is written in quotes` : '';
    faults.push(fault([], `is no YAML here: ${withoutQuotes(message)}${hint}`, pos[0]));
  }
  let values = 0;
  const value = faults.length === 0 ? read(yaml.contents, [], []) : undefined;
  return {
    value,
    faults,
    unset,
    faultAt,
    fromEnvironment: (path) => fromEnvironment.has(keyOf(path)),
    literals,
  };

  function read(node: Node | null, path: Path, inside: readonly Node[]): unknown {
    if (++values > MOST_VALUES) {
      if (values === MOST_VALUES + 1) {
        faults.push(fault(path, `holds more than ${MOST_VALUES} values`, node?.range?.[0] ?? 0));
      }
      return undefined;
    }
    if (isAlias(node)) {
      const target = node.resolve(yaml);
      if (target === undefined || inside.includes(target)) {
        faults.push(fault(path, `*${node.source} stands for nothing`, node.range?.[0] ?? 0));
        return undefined;
      }
      return read(target, path, inside);
    }
    if (isMap<Scalar, Node | null>(node)) {
      const entries = node.items.map(({ key, value }) => {
        const at = [...path, String(key.value ?? key)];
        offsets.set(keyOf(at), key.range?.[0] ?? 0);
        return [at.at(-1), read(value, at, [...inside, node])];
      });
      return Object.fromEntries(entries);
    }
    if (isSeq<Node>(node)) {
      return node.items.map((item, i) => {
        offsets.set(keyOf([...path, i]), item?.range?.[0] ?? 0);
        return read(item, [...path, i], [...inside, node]);
      });
    }
    if (!isScalar(node)) return null;
    return typeof node.value === 'string' ? replace(node.value, path) : node.value;
  }

  function replace(written: string, path: Path): string {
    let literal = true;
    let theirs = false;
    const replaced = written.replace(VARIABLE, (match: string, name?: string, otherwise?: string) => {
      if (match === '$${') return '${';
      if (name === undefined) {
        const message = `has a \${ that begins no \${NAME} and no \${NAME:-default}; $\${ stands for the characters \${`;
        faults.push(faultAt(path, message));
        return '';
      }
      literal = false;
      const given = environment[name];
      if (!given && otherwise !== undefined) return otherwise;
      theirs = true;
      if (given) return given;
      unset.push(faultAt(path, `the environment variable ${name} is not set`));
      return '';
    });
    if (literal) literals.push({ path, text: replaced });
    if (theirs) fromEnvironment.add(keyOf(path));
    return replaced;
  }
}

function keyOf(path: Path): string {
  return JSON.stringify(path.map(String));
}

/** A parser's sentence may quote what it did not understand. */
function withoutQuotes(message: string): string {
  return message.replace(/:? *"[\s\S]*$/, '').replace(/[.\s]+$/, '');
}
