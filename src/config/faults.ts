/** What is wrong with a configuration file, said so that a person finds the line and mends it. */
import type { z } from 'zod';
import { didYouMean } from '../spelling.js';
import type { ConfigDocument, Fault, Path } from './document.js';
import { publishedSchema } from './schema.js';

type Issue = z.core.$ZodIssue;

/** The faults that schema issues stand for. `at`: where in the file the value stands that was checked. */
export function faultsOf(issues: readonly Issue[], document: ConfigDocument, at: Path = []): Fault[] {
  const unset = new Set(document.unset.map(({ path }) => path.join('.')));
  return issues
    .flatMap((issue) => sentences(issue, at, document))
    .filter(({ path }) => !unset.has(path.join('.'))) // told already, and better
    .map(({ path, message }) => document.faultAt(path, message));
}

/** `rowferry.yaml:12:5 destinations.crm.rate: "fast" is not a rate like 10/s` */
export function faultLine(file: string, { path, message, line, column }: Fault): string {
  const subject = path.length === 0 ? '' : `${path.map(String).join('.')}: `;
  return `${file}:${line}:${column} ${subject}${message}`;
}

export function byPlace(a: Fault, b: Fault): number {
  return a.line - b.line || a.column - b.column;
}

interface Sentence {
  path: Path;
  message: string;
}

function sentences(issue: Issue, at: Path, document: ConfigDocument): Sentence[] {
  const path = [...at, ...issue.path];
  const given = valueAt(document.value, path);
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = knownKeys(path, document.value);
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: `is not known here.${didYouMean(key, known) || ` Known: ${known.join(', ')}.`}`,
      }));
    }
    case 'invalid_union': {
      // Of a section or a list: what the alternative lacks that was meant, which is one that does not fail as a whole.
      const meant = typeof given === 'object' && issue.errors.find(isWithin);
      if (meant) return meant.flatMap((inner) => sentences(inner, path, document));
      return [{ path, message: issue.message }];
    }
    case 'invalid_key':
      return [{ path, message: 'is no name: a letter first, then letters, digits, - and _' }];
    case 'invalid_type':
      return [
        {
          path,
          message: given === undefined ? 'is missing' : `is not ${KIND[issue.expected] ?? issue.expected}`,
        },
      ];
    case 'invalid_value':
      return [{ path, message: `is not one of ${issue.values.map(String).join(', ')}` }];
    case 'too_big':
      return [{ path, message: inOurWords(issue.message, `is more than ${issue.maximum}`) }];
    case 'too_small':
      return [{ path, message: inOurWords(issue.message, `is less than ${issue.minimum}`) }];
    case 'custom': {
      const { wanted } = (issue.params ?? {}) as { wanted?: string };
      return [{ path, message: wanted === undefined ? issue.message : `${quoted()} is not ${wanted}` }];
    }
    default:
      return [{ path, message: issue.message }];
  }

  /** What came from the environment may be a secret that ended up in the wrong place. */
  function quoted(): string {
    return document.fromEnvironment(path) ? 'what the environment gives' : `"${spelling(given)}"`;
  }
}

/** A sentence of the schema's own stays. */
function inOurWords(message: string, ours: string): string {
  return message.startsWith('Too ') ? ours : message;
}

/** Issues about the value as such, but not about its kind: the alternative was meant, and is wrong. */
function isWithin(issues: readonly Issue[]): boolean {
  return issues.every(
    ({ path, code }) => path.length > 0 || code === 'unrecognized_keys' || code === 'custom',
  );
}

const KIND: Record<string, string> = {
  string: 'text',
  object: 'a section with keys',
  record: 'a section with keys',
  array: 'a list',
  boolean: 'true or false',
};

function spelling(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inside, key) =>
      typeof inside === 'object' && inside !== null
        ? (inside as Record<PropertyKey, unknown>)[key]
        : undefined,
    value,
  );
}

interface JsonSchema {
  properties?: Record<string, JsonSchema & { const?: unknown }>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
}

let published: JsonSchema | undefined;

/** The keys that the published schema has at `path`, for the kind of destination that is there. */
function knownKeys(path: Path, root: unknown): string[] {
  published ??= publishedSchema() as JsonSchema;
  let schemas = [published];
  for (let depth = 0; ; depth++) {
    const value = valueAt(root, path.slice(0, depth));
    schemas = schemas.flatMap((schema) => schema.anyOf ?? [schema]).filter((schema) => fits(schema, value));
    const key = path[depth];
    if (key === undefined) break;
    schemas = schemas.flatMap(({ properties, additionalProperties, items }) => {
      const next = typeof key === 'number' ? items : (properties?.[String(key)] ?? additionalProperties);
      return typeof next === 'object' ? [next] : [];
    });
  }
  return [...new Set(schemas.flatMap(({ properties }) => Object.keys(properties ?? {})))];
}

function fits({ properties }: JsonSchema, value: unknown): boolean {
  const kind = properties?.kind?.const;
  if (kind !== undefined) return kind === valueAt(value, ['kind']);
  return properties?.module === undefined || valueAt(value, ['module']) !== undefined;
}
