/** What `rowferry init` has to know, and how it finds out: what is given, guessed or asked. */
import { readdirSync, statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import type { Environment } from '../config.js';
import { DESTINATIONS, findDestination, hasCredentials } from '../destinations/registry.js';
import { EXIT, type Preview, previewSource, RowferryError } from '../index.js';
import { type MappingSpec, type MapRules, withRules } from '../mapping.js';
import { columnTable } from './check-screen.js';
import type { Terminal } from './init-terminal.js';
import { shown } from './text.js';

export interface Answers {
  /** As it was named. */
  file: string;
  /** A kind. */
  to: string;
  sync: string;
  mapping: MappingSpec;
}

interface Known {
  file: string | undefined;
  to: string | undefined;
  map: MapRules;
}

export async function answerAll(known: Known, terminal: Terminal, env: Environment): Promise<Answers> {
  const file = known.file ?? (await askFile(terminal));
  const to = known.to === undefined ? await askDestination(terminal, env) : findDestination(known.to).kind;
  const asked = await askMapping(file, to, { map: known.map }, terminal, env);
  const mapping = await spelledOut(asked, file, to, env);
  return { file, to, sync: syncName(file), mapping };
}

async function askFile(terminal: Terminal): Promise<string> {
  const [guess] = readdirSync('.')
    .filter((name) => /\.(csv|tsv)(\.gz)?$/i.test(name) && !name.startsWith('.'))
    .map((name) => ({ name, changed: statSync(name).mtimeMs }))
    .sort((a, b) => b.changed - a.changed);
  if (terminal.silent && guess === undefined) {
    throw new RowferryError('SOURCE_MISSING', 'There is no CSV file here: name one.', EXIT.usage);
  }
  return terminal.text('Which file is to be sent?', guess?.name, (name) => {
    if (statSync(name, { throwIfNoEntry: false })?.isFile()) return undefined;
    return 'There is no such file.';
  });
}

async function askDestination(terminal: Terminal, env: Environment): Promise<string> {
  const ready = DESTINATIONS.filter((destination) => hasCredentials(destination, env)).map(
    ({ kind }) => kind,
  );
  if (terminal.silent && ready.length !== 1) {
    const why =
      ready.length === 0 ? 'No destination has credentials' : 'Several destinations have credentials';
    const kinds = DESTINATIONS.map(({ kind }) => kind).join(', ');
    throw new RowferryError('DESTINATION_NOT_CHOSEN', `${why}: name one with --to: ${kinds}.`, EXIT.usage);
  }
  const choices = DESTINATIONS.map(({ kind }) => ({
    value: kind,
    label: kind,
    ...(ready.includes(kind) ? { hint: 'its key is set' } : {}),
  }));
  return terminal.select('Where to?', choices, ready[0]);
}

/** Shows the mapping until it is right. */
async function askMapping(
  file: string,
  to: string,
  start: MappingSpec,
  terminal: Terminal,
  env: Environment,
): Promise<MappingSpec> {
  let mapping = start;
  for (;;) {
    const preview = await previewSource(file, { to, mapping, env }).catch((error: unknown) => {
      // The wrong column is the e-mail address: a person can name the right one.
      if (terminal.silent || !(error instanceof RowferryError) || error.code !== 'EMAIL_COLUMN_WRONG')
        throw error;
      terminal.say(`${error.message}\n`);
    });
    if (preview === undefined) {
      const column = await terminal.text('Which column holds the e-mail addresses?', undefined, filled);
      mapping = withRules(mapping, { email: column });
      continue;
    }
    const { columns, unfilled } = preview;
    terminal.say(`\n${columnTable(columns, terminal.width, terminal.colors)}\n\n`);
    const [field] = unfilled;
    if (field !== undefined) mapping = withRules(mapping, await fill(field, to, preview, terminal));
    else {
      const change = await askChange(preview, terminal);
      if (change === undefined) return askUnknown(preview, to, mapping, terminal);
      mapping = withRules(mapping, await moved(change, to, preview, terminal));
    }
  }
}

const filled = (text: string) => (text === '' ? 'Something has to stand here.' : undefined);
const CONSTANT = '=';

async function fill(field: string, to: string, preview: Preview, terminal: Terminal): Promise<MapRules> {
  if (terminal.silent) {
    const sentence = `Nothing fills ${field}, which ${to} requires: say --map "<column>=${field}", or --map "${field}:=<value>" for a constant.`;
    throw new RowferryError('FIELD_UNFILLED', sentence, EXIT.usage);
  }
  const constant = { value: CONSTANT, label: 'the same text for every row' };
  const choices = [...columnChoices(preview), ...(field === 'email' ? [] : [constant])];
  const column = await terminal.select(`${to} requires ${field}. What fills it?`, choices, undefined);
  if (column !== CONSTANT) return { [field]: column };
  return { [field]: { value: await terminal.text(`Which text for ${field}?`, undefined, filled) } };
}

const RIGHT = '';

/** The header of the column that is to go elsewhere; undefined: all is right. */
async function askChange(preview: Preview, terminal: Terminal): Promise<string | undefined> {
  const choices = columnChoices(preview).map(({ value, label }) => ({ value, label: `change ${label}` }));
  const right = { value: RIGHT, label: 'yes' };
  return (await terminal.select('Is this right?', [right, ...choices], RIGHT)) || undefined;
}

async function moved(column: string, to: string, preview: Preview, terminal: Terminal): Promise<MapRules> {
  const { fields, unmapped } = findDestination(to);
  const names = Object.keys(fields).filter((name) => fields[name] !== 'object');
  const own =
    unmapped === null || unmapped === 'contact' ? [] : [`${unmapped}.${column.replaceAll('.', '_')}`];
  const now = preview.columns.find(({ from }) => from === column)?.field;
  const choices = [...new Set([...own, ...names])].map((value) => ({ value, label: value }));
  const guess = choices.some(({ value }) => value === now) ? now : undefined;
  return { [await terminal.select(`Where does "${shown(column)}" go?`, choices, guess)]: column };
}

/** With a rule for each column that fills a field by its name, so that the file says what happens; if that changes nothing. */
async function spelledOut(
  mapping: MappingSpec,
  file: string,
  to: string,
  env: Environment,
): Promise<MappingSpec> {
  const { fields } = findDestination(to);
  const before = await previewSource(file, { to, mapping, env });
  // How a known program writes its lists is told by its header alone.
  const splits = before.warnings.some((warning) => warning.includes(' is split as '));
  const map: MapRules = { ...mapping.map };
  for (const { from, field } of before.columns) {
    if (field === undefined || !Object.hasOwn(fields, field) || Object.hasOwn(map, field)) continue;
    if (fields[field] !== 'list' || !splits) map[field] = from;
  }
  const explicit = { ...mapping, map };
  const after = await previewSource(file, { to, mapping: explicit, env }).catch(() => undefined);
  const goals = ({ columns }: Preview) => JSON.stringify(columns.map(({ from, field }) => [from, field]));
  return after !== undefined && goals(after) === goals(before) ? explicit : mapping;
}

/** Columns that no field knows are sent by their own names unless somebody says otherwise. */
async function askUnknown(
  { unknown }: Preview,
  to: string,
  mapping: MappingSpec,
  terminal: Terminal,
): Promise<MappingSpec> {
  if (unknown.length === 0) return mapping;
  const list = unknown.map((name) => `"${shown(name)}"`).join(', ');
  const send = await terminal.confirm(`${to} does not know ${list}. Send them by their own names?`, true);
  return { ...mapping, unmapped: send ? 'custom_fields' : 'ignore' };
}

function columnChoices({ columns }: Preview) {
  const headers = columns.filter(({ from, samples }) => from !== '' && samples.length > 0);
  return headers.map(({ from, field }) => ({
    value: from,
    label: `"${shown(from)}"${field === undefined ? '' : ` (${shown(field)})`}`,
  }));
}

/** `Kunden 2024.csv.gz` → `Kunden-2024` */
function syncName(file: string): string {
  const name = basename(file).replace(/\.gz$/i, '');
  const word = name
    .slice(0, name.length - extname(name).length)
    .normalize('NFKD')
    .replace(/[^\w]+/g, '-')
    .replace(/^[^A-Za-z]+|-+$/g, '');
  return word === '' ? 'contacts' : word;
}
