/** What the settings of an `http` destination can get wrong only together: names that must be known, keys, and bodies. */
import { type FieldSettings, isOfType, keyOf, settingsOf } from './contact.js';
import { type HttpSettings, httpShape } from './settings.js';
import { compileBody, placeholdersOf, RESERVED } from './template.js';

type Fault = (message: string, ...path: (string | number)[]) => void;

export const httpSettings = httpShape.superRefine((settings, context) => {
  const fault: Fault = (message, ...path) => context.addIssue({ code: 'custom', message, path });
  checkFields(settings, fault);
  checkRequests(settings, fault);
});

function checkFields({ fields, unmapped, lookup, enforces_uniqueness }: HttpSettings, fault: Fault): void {
  const all = Object.entries(fields).map(([name, field]): [string, FieldSettings] => [
    name,
    settingsOf(field),
  ]);
  if (all.length === 0) fault('names no field', 'fields');
  const aliases = new Map<string, string>();
  const unique = new Map<string, string>();
  for (const [name, field] of all) {
    const place = ['fields', name] as const;
    const steps = name.split('.');
    if (steps.some((step) => step.trim() === '' || step === '__proto__'))
      fault('is no name of a field', ...place);
    if ((RESERVED as readonly string[]).includes(name))
      fault(`is a word of templates; name it otherwise`, ...place);
    const above = steps.slice(0, -1).map((_, i) => steps.slice(0, i + 1).join('.'));
    const closed = above.find((outer) => outer in fields && settingsOf(fields[outer]!).type !== 'object');
    if (closed !== undefined) fault(`stands in ${closed}, which is no object`, ...place);
    if (field.default !== undefined && !isOfType(field.type, field.default)) {
      fault(`is no ${field.type}`, ...place, 'default');
    }
    for (const alias of field.aliases ?? []) {
      const other = aliases.get(alias);
      if (other !== undefined) fault(`"${alias}" is an alias of ${other}, too`, ...place, 'aliases');
      aliases.set(alias, name);
    }
    if (field.unique !== true) continue;
    const other = unique.get(keyOf(field));
    if (other !== undefined) {
      fault(
        `is unique, and so is ${other}: there is one unique e-mail address and one other key`,
        ...place,
        'unique',
      );
    }
    unique.set(keyOf(field), name);
  }
  const object = Object.hasOwn(fields, unmapped ?? '') && settingsOf(fields[unmapped!]!).type === 'object';
  if (unmapped !== null && unmapped !== 'contact' && !object) {
    fault('is neither a field of type object nor contact', 'unmapped');
  }
  if (enforces_uniqueness && unique.size === 0)
    fault('is true, but no field is unique', 'enforces_uniqueness');
  const keys = [lookup ?? []].flat().map(({ by }) => by);
  if (new Set(keys).size < keys.length) fault('asks by the same key twice', 'lookup');
}

/** Placeholders must be fields; in a path, fields that every contact has. */
function checkRequests(settings: HttpSettings, fault: Fault): void {
  const { create, lookup, update, bulk_create: bulk } = settings;
  const check = (request: { path: string; body?: unknown }, place: (string | number)[], extra: Extra) => {
    for (const name of namesIn(request.path)) {
      const wrong = faultInPath(name, settings, extra);
      if (wrong !== undefined) fault(`{{${name}}} ${wrong}`, ...place, 'path');
    }
    try {
      if (request.body !== undefined) compileBody(request.body);
      if (typeof request.body === 'string') return;
      for (const name of placeholdersOf(request.body)) {
        if (extra.words.includes(name) || (!extra.alone && isField(name, settings))) continue;
        fault(`{{${name}}} is no field`, ...place, 'body');
      }
    } catch (error) {
      fault((error as Error).message, ...place, 'body');
    }
  };
  check(create, ['create'], { words: ['contact'] });
  const lookups = lookup === undefined ? [] : [lookup].flat();
  for (const [i, one] of lookups.entries()) {
    check(one, Array.isArray(lookup) ? ['lookup', i] : ['lookup'], { words: ['contact'], by: one.by });
  }
  if (update) check(update, ['update'], { words: ['contact', 'contact_id'] });
  if (bulk) check(bulk, ['bulk_create'], { words: ['contacts'], alone: true });
}

/** What a request may name beside its fields; `alone`: instead of them. `by`: the key every contact it is made for has. */
interface Extra {
  words: readonly string[];
  by?: 'email' | 'external_id';
  alone?: boolean;
}

function faultInPath(
  name: string,
  { fields }: HttpSettings,
  { words, by, alone }: Extra,
): string | undefined {
  if (name === 'contact_id' && words.includes(name)) return undefined;
  const field = Object.hasOwn(fields, name) && !alone ? settingsOf(fields[name]!) : undefined;
  if (field === undefined) return 'is no field';
  const always = field.required || (field.unique && keyOf(field) === by);
  return always ? undefined : 'is not required, and a path cannot do without it';
}

/** A field, a part of one that is open, or an object that fields are in. */
function isField(name: string, { fields, unmapped }: HttpSettings): boolean {
  if (unmapped === 'contact' || Object.hasOwn(fields, name)) return true;
  if (Object.keys(fields).some((field) => field.startsWith(`${name}.`))) return true;
  const steps = name.split('.');
  const outer = steps.map((_, i) => steps.slice(0, i).join('.')).find((one) => Object.hasOwn(fields, one));
  return outer !== undefined && ['object', 'json'].includes(settingsOf(fields[outer]!).type);
}

function namesIn(path: string): Set<string> {
  try {
    return placeholdersOf(path);
  } catch {
    return new Set(); // told already, by the schema of paths
  }
}
