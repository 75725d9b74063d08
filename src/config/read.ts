/** From the text of a configuration file to what it says, and everything that is wrong with it. */
import { resolve } from 'node:path';
import type { z } from 'zod';
import type { Environment, FileSettings } from '../config.js';
import { DESTINATIONS, type DestinationEntry, type DestinationSettings } from '../destinations/registry.js';
import { dialectOptions } from '../dialect.js';
import { isGlob } from '../sources/glob.js';
import { isUrl } from '../sources/source.js';
import { didYouMean } from '../spelling.js';
import { type ConfigDocument, type Fault, type Path, readDocument } from './document.js';
import { byPlace, faultLine, faultsOf } from './faults.js';
import { type NotificationEntry, openNotification } from './notifications.js';
import { checkEntry, fileSchema, splitEntry, syncSchema } from './schema.js';
import type { Sync } from './sync.js';

export interface Config {
  settings: FileSettings;
  destinations: DestinationEntry[];
  syncs: Sync[];
  notifications: NotificationEntry[];
  defaults: DestinationSettings & { reportDir?: string };
}

export interface ReadConfig {
  config: Config;
  document: ConfigDocument;
  /** Without the variables of destinations, syncs and notifications that are not set: these are told when one is used. */
  faults: Fault[];
}

/** Reads `text`; `file` is what people call it, `base` the directory its paths are relative to. */
export function readConfig(text: string, file: string, base: string, environment: Environment): ReadConfig {
  const document = readDocument(text, environment);
  const config: Config = { settings: {}, destinations: [], syncs: [], notifications: [], defaults: {} };
  if (document.faults.length > 0) return { config, document, faults: document.faults.sort(byPlace) };

  const value = withoutBlank(document.value);
  const checked = fileSchema.safeParse(value);
  const faults = checked.success ? [] : faultsOf(checked.error.issues, document);
  const ofUse = ([section, ...inside]: Path) => inside.length > 0 && ENTRIES.includes(String(section));
  faults.push(...document.unset.filter(({ path }) => !ofUse(path)));
  for (const [name, entry] of Object.entries(sectionOf(value, 'destinations'))) readEntry(name, entry);
  for (const [name, sync] of Object.entries(sectionOf(value, 'syncs'))) readSync(name, sync);
  for (const [name, entry] of Object.entries(sectionOf(value, 'notifications'))) readTold(name, entry);
  if (checked.success) takeRest(checked.data);
  return { config, document, faults: faults.sort(byPlace) };

  function readEntry(name: string, entry: unknown): void {
    const at = ['destinations', name];
    const checked = checkEntry(entry);
    const data = 'data' in checked ? checked.data : refuse(checked.issues, at);
    const unset = unsetOf(at);
    if (data === undefined && unset.length === 0) return;
    const { kind, module, settings, options } = splitEntry(data ?? {});
    config.destinations.push({
      name,
      ...given({ kind, module: module && resolve(base, module) }),
      options,
      settings: settingsOf(settings),
      unset,
      file,
    });
  }

  function readSync(name: string, sync: unknown): void {
    const at = ['syncs', name];
    checkTarget([...at, 'to'], (sync as { to?: unknown } | null)?.to);
    const checked = syncSchema.safeParse(sync);
    const data = checked.success ? checked.data : refuse(checked.error.issues, at);
    const unset = unsetOf(at);
    if (data === undefined && unset.length === 0) return;
    const { source, schedule, to, report_dir, map, unmapped, preset } = data ?? {};
    config.syncs.push({
      name,
      mapping: given({ map, unmapped, preset }),
      unset,
      ...settingsOf(data ?? {}),
      ...given({
        source: source && sourceFrom(source, base),
        schedule: schedule?.cron ? { cron: schedule.cron, timezone: schedule.timezone ?? 'UTC' } : undefined,
        to,
        ...dialectOptions({ ...data, skipLines: data?.skip_lines }),
        reportDir: report_dir && resolve(base, report_dir),
      }),
    });
  }

  function readTold(name: string, told: unknown): void {
    const at = ['notifications', name];
    const known = Object.keys(sectionOf(value, 'syncs'));
    const { entry, issues } = openNotification(name, told, unsetOf(at), known);
    refuse(issues, at);
    if (entry) config.notifications.push(entry);
    else faults.push(...document.unset.filter(({ path }) => path[0] === at[0] && path[1] === name));
  }

  function checkTarget(at: Path, to: unknown): void {
    if (typeof to !== 'string' || to.trim() === '') return; // told otherwise
    const known = [...Object.keys(sectionOf(value, 'destinations')), ...DESTINATIONS.map(({ kind }) => kind)];
    if (known.includes(to.trim())) return;
    const hint = didYouMean(to, known) || ` Known: ${[...new Set(known)].join(', ')}.`;
    faults.push(document.faultAt(at, `there is no such destination.${hint}`));
  }

  function takeRest(rest: FileData): void {
    const { redis_url, data_dir, folder, log_level, retention, dashboard, opentelemetry } = rest;
    const { defaults = {} } = rest;
    const path = folder?.path && resolve(base, folder.path);
    config.settings = given({
      redisUrl: redis_url,
      dataDir: data_dir && resolve(base, data_dir),
      folder: folder && given({ path, settleMs: folder.settle, pollMs: folder.poll }),
      logLevel: log_level,
      retentionDays: retention,
      opentelemetry,
      dashboard: dashboard && given(dashboard),
    });
    config.defaults = {
      ...settingsOf(defaults),
      ...given({ reportDir: defaults.report_dir && resolve(base, defaults.report_dir) }),
    };
  }

  /** Notes the faults of a value that is not taken. */
  function refuse(issues: readonly z.core.$ZodIssue[], at: Path): undefined {
    faults.push(...faultsOf(issues, document, at));
  }

  function unsetOf(at: Path): string[] {
    return document.unset
      .filter(({ path }) => at.every((key, i) => path[i] === key))
      .map((fault) => faultLine(file, fault));
  }
}

/** Sections whose entries are checked one by one. */
const ENTRIES = ['destinations', 'syncs', 'notifications'];

type FileData = z.output<typeof fileSchema>;
type SourceData = NonNullable<z.output<typeof syncSchema>['source']>;

/** Paths are relative to `base`. */
function sourceFrom(source: SourceData, base: string): NonNullable<Sync['source']> {
  if (typeof source === 'string') {
    if (isUrl(source)) return source;
    return isGlob(source, base) ? { glob: source, base, pick: 'newest' } : resolve(base, source);
  }
  const { path, glob, pick, url, headers, max_size, max_time } = source;
  if (path !== undefined) return { path: resolve(base, path) };
  if (glob !== undefined) return { glob, base, pick: pick ?? 'newest' };
  return { url: url!, ...given({ headers, maxBytes: max_size, maxMs: max_time }) };
}

/** From the names of the file to ours. */
function settingsOf(settings: Partial<ReturnType<typeof splitEntry>['settings']>): DestinationSettings {
  const {
    rate,
    concurrency,
    timeout,
    attempts,
    on_duplicate,
    bulk,
    incremental,
    max_wait,
    halt_after_rejections,
  } = settings;
  return given({
    rate,
    concurrency,
    timeoutMs: timeout,
    attempts,
    onDuplicate: on_duplicate,
    bulk,
    incremental,
    maxWaitMs: max_wait,
    haltAfterRejections: halt_after_rejections,
  });
}

/** Without what is not said. */
function given<T extends object>(values: T): Said<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Said<T>;
}

type Said<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** A section of which everything is commented out is none. */
function withoutBlank(value: unknown): unknown {
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, section]) => section !== null));
}

function sectionOf(value: unknown, name: string): Record<string, unknown> {
  const section: unknown = (value as Record<string, unknown>)[name];
  if (typeof section !== 'object' || section === null || Array.isArray(section)) return {};
  return section as Record<string, unknown>;
}
