/** What may stand in `rowferry.yaml`. The same schemas check it and are published for editors. */
import { z } from 'zod';
import {
  parseCount,
  parseDelimiter,
  parseDuration,
  parseEncoding,
  parseEscape,
  parseHaltAfter,
  parseLogLevel,
  parseMaxTime,
  parseMaxWait,
  parseOnDuplicate,
  parsePick,
  parsePort,
  parseQuote,
  parseRate,
  parseRetention,
  parseSize,
  parseSkipLines,
  parseSwitch,
  parseTimeout,
} from '../config.js';
import type { Destination } from '../destinations/destination.js';
import { httpSettings } from '../destinations/http.js';
import { DESTINATIONS, optionInFile, optionNames } from '../destinations/registry.js';
import { LOG_LEVELS } from '../log.js';
import { mappingSchema } from '../mapping.js';
import { isUrl } from '../sources/source.js';
import { didYouMean } from '../spelling.js';
import { notificationSection } from './notifications.js';
import { parseCron, parseTimezone } from './schedule.js';
import { matching, NAME, spelt, text } from './spelt.js';

function countUpTo(most: number, description: string) {
  const published = {
    anyOf: [{ type: 'integer', minimum: 1, maximum: most }, matching('[0-9]+')],
    description,
  };
  return spelt((given, setting) => parseCount(given, setting, 1, most), published);
}

const ofRuns = {
  rate: spelt(parseRate, {
    ...matching('none|[0-9]+(\\.[0-9]+)?\\s*/\\s*(s|sec|m|min|h)'),
    description: 'Requests: 10/s, 100/min, 10000/h, or none for no limit. Default: what the API documents.',
    examples: ['10/s', '100/min', 'none'],
  }),
  attempts: countUpTo(100, 'Requests for one contact before it is given up. Default: 5.'),
  on_duplicate: spelt(parseOnDuplicate, {
    ...matching('skip|update'),
    description: 'What becomes of a contact that is there already. Default: skip.',
    examples: ['skip', 'update'],
  }),
  bulk: spelt(parseSwitch, {
    anyOf: [{ type: 'boolean' }, matching('true|false')],
    description: 'Several contacts in one request, where the API tells what became of each. Default: false.',
  }),
  incremental: spelt(parseSwitch, {
    anyOf: [{ type: 'boolean' }, matching('true|false')],
    description:
      'Contacts that were delivered before as they are now are not sent again. Default: true for watched folders and schedules, else false.',
  }),
  max_wait: spelt(parseMaxWait, {
    ...matching('[0-9]+(\\.[0-9]+)?\\s*(s|m|min|h)'),
    description:
      'The longest wait an API may ask for (a spent quota): beyond it the run halts and says when to resume. Default: 2h.',
    examples: ['24h'],
  }),
  halt_after_rejections: spelt(parseHaltAfter, {
    anyOf: [{ type: 'integer', minimum: 0, maximum: 1_000_000 }, matching('[0-9]+')],
    description:
      'So many rows rejected alike from the start halt the run as wrongly mapped; 0: never. Default: 50.',
  }),
};

const ofText = {
  encoding: spelt(parseEncoding, {
    type: 'string',
    description: 'What the file is written in. Default: detected.',
    examples: ['utf-8', 'windows-1252', 'macroman', 'shift_jis'],
  }),
  delimiter: spelt(parseDelimiter, {
    type: 'string',
    description: 'What stands between cells: , ; | tab, or other signs. Default: detected.',
    examples: [',', ';', '|', 'tab'],
  }),
  quote: spelt(parseQuote, {
    type: 'string',
    description: 'What stands around cells: double or single quotes. Default: detected.',
    examples: ['double', 'single'],
  }),
  escape: spelt(parseEscape, {
    ...matching('double|backslash'),
    description: 'How a quote is written inside quotes: doubled, or behind a backslash. Default: detected.',
    examples: ['double', 'backslash'],
  }),
  header: spelt(parseSwitch, {
    anyOf: [{ type: 'boolean' }, matching('true|false')],
    description: 'Whether a line holds the names of the columns; without, they are 1, 2, … Default: true.',
  }),
  skip_lines: spelt(parseSkipLines, {
    anyOf: [{ type: 'integer', minimum: 0, maximum: 1000 }, matching('[0-9]+')],
    description: 'Lines before the header. Default: detected.',
  }),
  sheet: spelt((given) => given, {
    anyOf: [{ type: 'string' }, { type: 'integer', minimum: 1 }],
    description: 'Of a spreadsheet: the name of the sheet, or its number. Default: the first.',
  }),
};

const ofDestinations = {
  ...ofRuns,
  concurrency: countUpTo(1000, 'Requests in flight of one process at the most. Default: 16.'),
  timeout: spelt(parseTimeout, {
    ...matching('[0-9]+(\\.[0-9]+)?\\s*(ms|s|m|min|h)'),
    description: 'Silence after which a request counts as unanswered: 500ms, 30s, 2m. Default: 30s.',
    examples: ['30s'],
  }),
};

function aWhile(description: string) {
  return spelt((given, setting) => parseDuration(given, setting, 3_600_000), {
    ...matching('[0-9]+(\\.[0-9]+)?\\s*(ms|s|m|min|h)'),
    description,
    examples: ['500ms', '5s'],
  });
}

const reportDir = text('Where reports go, relative to this file. Default: <data dir>/reports.');

/** An entry of `destinations` with this `kind`. */
function ofKind(destination: Destination) {
  const options = optionNames(destination).map((option) => {
    const description = `Default: the variable ${destination.env[option]}.`;
    // Checked by the destination itself, together with what the environment says.
    return [optionInFile(option), z.any().meta({ type: 'string', description }).optional()];
  });
  return z.strictObject({
    kind: z.literal(destination.kind),
    ...(Object.fromEntries(options) as Record<string, z.ZodType>),
    ...ofDestinations,
  });
}

/** An entry whose destination is somebody's own; what else it takes is known once it is loaded. */
const ofModule = z.looseObject({
  module: z
    .string()
    .min(1, 'is empty')
    .meta({
      description: 'The file whose default export is the destination, relative to this file.',
      examples: ['./my-destination.mjs'],
    }),
  ...ofDestinations,
});

const ofUse = z.object(ofDestinations);

type Issue = z.core.$ZodIssue;
export type EntryData = Partial<z.output<typeof ofUse>> & Record<string, unknown>;

/** Checks an entry of `destinations` as its kind has it. */
export function checkEntry(entry: unknown): { data: EntryData } | { issues: readonly Issue[] } {
  const kinds = [...DESTINATIONS.map(({ kind }) => kind), 'http'];
  const fault = (message: string, ...path: string[]) => ({
    issues: [{ code: 'custom' as const, path, message, input: entry }],
  });
  const { kind, module, ...rest } = { ...(entry as EntryData | null) };
  if (kind !== undefined && module !== undefined)
    return fault('has both kind and module; it needs one of them');
  if (kind === undefined && module === undefined)
    return fault(`needs a kind (${kinds.join(', ')}) or a module`);
  if (kind === 'http') return checkHttp(rest);
  const destination = DESTINATIONS.find((known) => known.kind === kind);
  if (module === undefined && destination === undefined) {
    const hint = typeof kind === 'string' ? didYouMean(kind, kinds) : '';
    return fault(`is not one of ${kinds.join(', ')}.${hint}`, 'kind');
  }
  const checked = (destination ? ofKind(destination) : ofModule).safeParse(entry);
  return checked.success ? { data: checked.data } : { issues: checked.error.issues };
}

function checkHttp(entry: Record<string, unknown>): ReturnType<typeof checkEntry> {
  const { settings, options } = splitEntry(entry);
  const [use, http] = [ofUse.safeParse(settings), httpSettings.safeParse(options)];
  if (use.success && http.success) return { data: { kind: 'http', ...options, ...use.data } };
  return { issues: [...(use.error?.issues ?? []), ...(http.error?.issues ?? [])] };
}

/** Splits an entry into what is said of its use and what the destination itself takes. */
export function splitEntry({ kind, module, ...rest }: EntryData): {
  kind: string | undefined;
  module: string | undefined;
  settings: Partial<z.output<typeof ofUse>>;
  options: Record<string, unknown>;
} {
  const options = Object.entries(rest).filter(([key]) => !Object.hasOwn(ofDestinations, key));
  return {
    kind: kind as string | undefined,
    module: module as string | undefined,
    settings: rest,
    options: Object.fromEntries(options),
  };
}

const folderSchema = z
  .strictObject({
    path: text(
      'Where inbox, processing, archive and rejected are, relative to this file. Default: the data dir.',
    ),
    settle: aWhile('How long a file must stay as it is to be taken for complete. Default: 2s.'),
    poll: aWhile('Time between two looks. Default: 1s.'),
  })
  .meta({ description: 'The watched folder of "rowferry start".' });

const sourceSection = z
  .strictObject({
    path: text('A file, relative to this file.'),
    glob: text('Files, relative to this file: exports/*.csv.'),
    pick: spelt(parsePick, {
      ...matching('newest|all'),
      description: 'Of the files that match: the one changed last, or each that is new. Default: newest.',
      examples: ['newest', 'all'],
    }),
    url: z
      .string()
      .trim()
      .refine((url) => isUrl(url) && URL.canParse(url), 'is no http(s) URL')
      .meta({ description: 'An http(s) URL.' })
      .optional(),
    headers: z
      .record(
        z.string().regex(NAME),
        z
          .string()
          .min(1, 'is empty')
          .regex(/^[\t\x20-\x7e]*$/, 'holds characters that no header may hold'),
      )
      .meta({ description: 'For the server of the URL alone, e.g. authorization. They count as secrets.' })
      .optional(),
    max_size: spelt(parseSize, {
      ...matching('[0-9]+(\\.[0-9]+)?\\s*([kK][bB]|[mM][bB]|[gG][bB])'),
      description: 'Of the file behind the URL, unpacked: 500KB, 200MB, 5GB. Default: 2GB.',
      examples: ['2GB'],
    }),
    max_time: spelt(parseMaxTime, {
      ...matching('[0-9]+(\\.[0-9]+)?\\s*(ms|s|m|min|h)'),
      description: 'For fetching all of it: 30s, 15m, 2h. Default: 15m.',
      examples: ['15m'],
    }),
  })
  .superRefine((source, context) => {
    const fault = (message: string, ...path: string[]) =>
      context.addIssue({ code: 'custom', message, path, input: source });
    const kinds = (['path', 'glob', 'url'] as const).filter((kind) => source[kind] !== undefined);
    if (kinds.length !== 1) fault('needs exactly one of path, glob and url');
    else if (source.glob === undefined && source.pick !== undefined) fault('is for a glob', 'pick');
    else if (source.url === undefined) {
      for (const key of ['headers', 'max_size', 'max_time'] as const) {
        if (source[key] !== undefined) fault('is for a url', key);
      }
    }
  });

const scheduleSection = z
  .strictObject({
    cron: spelt(parseCron, {
      type: 'string',
      description: 'Minute, hour, day of month, month, day of week; with six fields seconds first.',
      examples: ['0 3 * * *'],
    }),
    timezone: spelt(parseTimezone, {
      type: 'string',
      description: 'IANA name. Default: UTC.',
      examples: ['Europe/Berlin'],
    }),
  })
  .refine(({ cron }) => cron !== undefined, { path: ['cron'], message: 'is missing' })
  .meta({ description: 'When "rowferry start" runs it by itself.' });

const syncSection = z.strictObject({
  source: z
    .union([z.string().trim().min(1, 'is empty'), sourceSection], {
      error: 'is neither a text nor a section with path, glob or url',
    })
    .meta({
      description:
        'A CSV file or a glob, relative to this file, or an http(s) URL. May be left out when each run names one.',
    })
    .optional(),
  schedule: scheduleSection.optional(),
  to: text('Name of the destination. Default: the only one with credentials.'),
  ...mappingSchema.shape,
  ...ofText,
  ...ofRuns,
  report_dir: reportDir,
});

export const syncSchema = syncSection.refine(
  ({ schedule, source }) => schedule === undefined || source !== undefined,
  { path: ['schedule'], message: 'needs a source' },
);

function fileOf(destination: z.ZodType, sync: z.ZodType, notification: z.ZodType) {
  return z.strictObject({
    destinations: z
      .record(z.string().regex(NAME), destination)
      .meta({ description: 'By the names that --to, plans and reports call them.' })
      .optional(),
    syncs: z
      .record(z.string().regex(NAME), sync)
      .meta({ description: 'What "rowferry run --sync <name>" carries where.' })
      .optional(),
    notifications: z
      .record(z.string().regex(NAME), notification)
      .meta({ description: 'Who is told what became of runs.' })
      .optional(),
    defaults: z
      .strictObject({ ...ofDestinations, report_dir: reportDir })
      .meta({ description: 'For every destination and sync that does not say otherwise.' })
      .optional(),
    redis_url: text('redis://, rediss:// or unix://. Default: a private server in the data dir.'),
    data_dir: text('Runs, reports and the private server, relative to this file. Default: .rowferry.'),
    folder: folderSchema.optional(),
    retention: spelt(parseRetention, {
      anyOf: [{ type: 'integer', minimum: 0 }, matching('[0-9]+\\s*(d|days?)?|forever')],
      description:
        'Days that reports, journals and archived files of ended runs are kept; 0 or forever: for ever. Default: 30.',
      examples: [30, 'forever'],
    }),
    dashboard: z
      .strictObject({
        host: text('Default: 127.0.0.1. Any other than loopback needs ROWFERRY_DASHBOARD_TOKEN.'),
        port: spelt(parsePort, {
          anyOf: [{ type: 'integer', minimum: 0, maximum: 65_535 }, matching('[0-9]+')],
          description: 'Default: 8080, if it is free. 0: any free one.',
        }),
      })
      .meta({ description: 'Where the service listens for "enqueue --server" and browsers.' })
      .optional(),
    opentelemetry: spelt(parseSwitch, {
      anyOf: [{ type: 'boolean' }, matching('true|false')],
      description: 'Spans of batches; needs the package bullmq-otel. Default: false.',
    }),
    log_level: spelt(parseLogLevel, { ...matching(LOG_LEVELS.join('|')), examples: [...LOG_LEVELS] }),
  });
}

/** The file, but for its destinations, syncs and notifications: these are checked one by one. */
export const fileSchema = fileOf(z.unknown(), z.unknown(), z.unknown());

/** JSON Schema of the file, for editors. */
export function publishedSchema(): object {
  const ofHttp = z.strictObject({ ...httpSettings.shape, kind: z.literal('http'), ...ofDestinations });
  const destination = z.union([...DESTINATIONS.map(ofKind), ofHttp, ofModule]);
  return z.toJSONSchema(
    fileOf(destination, syncSchema, notificationSection).meta({ title: 'rowferry.yaml' }),
    {
      io: 'input',
      override: ({ jsonSchema }) => {
        // Where a text must look like something, a variable may stand for it.
        if (jsonSchema.pattern !== undefined) jsonSchema.pattern = `${jsonSchema.pattern}|\\$\\{`;
        delete jsonSchema.format;
      },
    },
  );
}
