/** A destination of one's own, from a JavaScript or TypeScript module: its default export, checked before it is used. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { EXIT, RowferryError } from '../errors.js';
import { type Destination, FIELD_KINDS } from './destination.js';

const or = (fault: string) => ({
  error: ({ input }: { input?: unknown }) => (input === undefined ? 'is missing' : fault),
});
const call = z.custom((value) => typeof value === 'function', or('is no function'));
const schema = z.custom(
  (value) => typeof (value as { safeParse?: unknown } | null | undefined)?.safeParse === 'function',
  or('is no zod schema'),
);
const text = z.string(or('is no text')).min(1, 'is empty');
const flag = z.boolean(or('is neither true nor false'));
const above0 = z.number(or('is no number')).positive('is not above 0');
const object = or('is no object');
const members = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape, { error: describe });

const destinationShape = members({
  kind: z.string(or('is no text')).regex(/^[a-z][a-z0-9-]*$/, 'is no lower-case word'),
  options: schema,
  env: z.record(text, text, object),
  accountKey: text,
  contact: schema,
  fields: z.record(text, z.enum(FIELD_KINDS, `is none of ${FIELD_KINDS.join(', ')}`), object),
  aliases: z.record(text, text, object),
  unmapped: z.string(or('is neither a text nor null')).nullable(),
  defaults: call.optional(),
  identity: call,
  limit: members({
    requests: above0,
    perMs: above0,
  }),
  enforcesUniqueness: flag,
  create: call,
  interpret: call,
  lookup: members({ request: call, read: call }).optional(),
  update: members({ needsId: flag, request: call, interpret: call }).optional(),
  bulk: members({
    max: z.int(or('is no whole number')).min(1, 'is below 1'),
    request: call,
    interpret: call,
  }).optional(),
});

/** What only the members together can get wrong. */
const destinationSchema = destinationShape.superRefine(({ fields, aliases, unmapped }, context) => {
  const fault = (message: string, ...path: string[]) => context.addIssue({ code: 'custom', message, path });
  for (const [alias, field] of Object.entries(aliases)) {
    if (!Object.hasOwn(fields, field)) fault(`is ${field}, which is no field`, 'aliases', alias);
  }
  const takes = unmapped === null || unmapped === 'contact' || fields[unmapped] === 'object';
  if (!takes) fault('is neither null, "contact" nor a field of kind object', 'unmapped');
});

/**
 * Loads the destination that a `.mjs`, `.js` or `.ts` file exports by default. Throws one error with a sentence for
 * each fault of it; `path` is relative to the working directory.
 */
export async function loadModuleDestination(path: string): Promise<Destination> {
  const file = resolve(path);
  if (!existsSync(file)) {
    throw broken(path, 'There is no such file.');
  }
  let loaded: { default?: unknown };
  try {
    loaded = (await import(pathToFileURL(file).href)) as { default?: unknown };
  } catch (error) {
    throw broken(path, whyNotLoaded(error, file), error);
  }
  const { default: destination } = loaded;
  if (destination === undefined) {
    throw broken(path, 'It has no default export: `export default defineDestination({ … })`.');
  }
  const result = destinationSchema.safeParse(destination);
  if (!result.success) throw broken(path, result.error.issues.map(inWords).join(' '));
  // As it was exported, not as it was parsed: its functions may need it as their `this`.
  return destination as Destination;
}

function broken(path: string, faults: string, cause?: unknown): RowferryError {
  const options = cause === undefined ? {} : { cause };
  return new RowferryError('DESTINATION_MODULE', `${path} is no destination. ${faults}`, EXIT.usage, options);
}

function whyNotLoaded(error: unknown, file: string): string {
  const { code, message }: NodeJS.ErrnoException = error instanceof Error ? error : new Error(String(error));
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[mc]?ts$/.test(file)) {
    return `Node ${process.version} does not read TypeScript: use Node 22.18 or later, or compile it to .mjs.`;
  }
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return 'Node reads no module of that extension; name it .mjs.';
  if (code === 'ERR_MODULE_NOT_FOUND' && message.includes("'rowferry'")) {
    return 'It imports rowferry, which is not installed beside it: npm install rowferry.';
  }
  if (/Unexpected token 'export'|import statement outside a module/.test(message)) {
    return 'The package.json above it makes it CommonJS: name it .mjs.';
  }
  const where = error instanceof SyntaxError ? ' (node --check tells the line)' : '';
  return `It cannot be loaded: ${message}${where}.`;
}

function describe(issue: { code?: string | undefined; keys?: unknown; input?: unknown }): string {
  if (issue.code !== 'unrecognized_keys') return object.error(issue);
  return `has members nobody knows: ${(issue.keys as string[]).join(', ')}`;
}

function inWords({ path, message }: z.core.$ZodIssue): string {
  const member = path.map(String).join('.');
  return `${member === '' ? 'It' : member} ${message}.`;
}
