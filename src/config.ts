/** Settings from environment and file, and the spellings of values that people give. */
import iconv from 'iconv-lite';
import type { Escape, Quote } from './dialect.js';
import { EXIT, RowferryError } from './errors.js';
import { LOG_LEVELS, type LogLevel } from './log.js';
import { gatherRules, isType, type MapRules, type NamedRule, noType, ruleOfPair, TYPES } from './mapping.js';
import type { OnDuplicate, Rate } from './run.js';

export type Environment = Record<string, string | undefined>;

export interface Settings {
  /** REDIS_URL; undefined: the private server of the data dir. */
  redisUrl: string | undefined;
  /** ROWFERRY_REDIS_BIN */
  redisBinary: string | undefined;
  /** ROWFERRY_DATA_DIR: runs, reports, the private server's data. */
  dataDir: string;
  /** ROWFERRY_PREFIX: what every key in Redis begins with; for installations that share one Redis. */
  prefix: string;
  /** ROWFERRY_LOG_LEVEL; undefined: the command's own. */
  logLevel: LogLevel | undefined;
  /** ROWFERRY_TIMEOUT: silence after which a request counts as unanswered, ms; undefined: each destination's own. */
  timeoutMs: number | undefined;
  folder: FolderSettings;
  /** ROWFERRY_DASHBOARD_HOST, ROWFERRY_DASHBOARD_PORT: where the service listens; port undefined: the usual one, if it is free. */
  dashboard: { host?: string; port?: number };
  /** ROWFERRY_RETENTION: days that what is left of an ended run is kept; null: for ever. */
  retentionDays: number | null;
  /** ROWFERRY_DASHBOARD_TOKEN: what whoever asks the service must show; undefined: only this machine may ask. */
  dashboardToken: string | undefined;
  /** ROWFERRY_METRICS_PORT: where a worker serves its metrics; undefined: nowhere. The service has them on its dashboard. */
  metricsPort: number | undefined;
  /** ROWFERRY_OPENTELEMETRY: batches are told to the OpenTelemetry of this process. */
  opentelemetry: boolean;
}

/** The watched folder. */
export interface FolderSettings {
  /** ROWFERRY_FOLDER: where inbox, processing, archive and rejected are; undefined: the data dir. */
  path?: string;
  /** How long a file must stay as it is to be taken for complete; default 2 s. */
  settleMs?: number;
  /** Time between two looks; default 1 s. */
  pollMs?: number;
}

/** What a configuration file may say of the settings; the environment wins. */
export type FileSettings = Partial<
  Pick<
    Settings,
    'redisUrl' | 'dataDir' | 'logLevel' | 'folder' | 'dashboard' | 'retentionDays' | 'opentelemetry'
  >
>;

/** Far longer, and a timer would end at once. */
const LONGEST_TIMEOUT_MS = 600_000;

const RETENTION_DAYS = 30;

export function readSettings(environment: Environment, dataDir?: string, file: FileSettings = {}): Settings {
  const given = (name: string) => environment[name]?.trim() || undefined;
  const prefix = given('ROWFERRY_PREFIX') ?? 'rowferry';
  if (!/^[\w.-]+$/.test(prefix)) {
    throw bad('ROWFERRY_PREFIX', prefix, 'letters, digits, dots, dashes and underscores');
  }
  const level = given('ROWFERRY_LOG_LEVEL');
  const timeout = given('ROWFERRY_TIMEOUT');
  const folder = given('ROWFERRY_FOLDER');
  const host = given('ROWFERRY_DASHBOARD_HOST');
  const port = given('ROWFERRY_DASHBOARD_PORT');
  const metricsPort = given('ROWFERRY_METRICS_PORT');
  const retention = given('ROWFERRY_RETENTION');
  const opentelemetry = given('ROWFERRY_OPENTELEMETRY');
  return {
    redisUrl: given('REDIS_URL') ?? file.redisUrl,
    redisBinary: given('ROWFERRY_REDIS_BIN'),
    dataDir: dataDir ?? given('ROWFERRY_DATA_DIR') ?? file.dataDir ?? '.rowferry',
    prefix,
    logLevel: level === undefined ? file.logLevel : parseLogLevel(level, 'ROWFERRY_LOG_LEVEL'),
    timeoutMs: timeout === undefined ? undefined : parseTimeout(timeout, 'ROWFERRY_TIMEOUT'),
    folder: { ...file.folder, ...(folder === undefined ? {} : { path: folder }) },
    dashboard: {
      ...file.dashboard,
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port: parsePort(port, 'ROWFERRY_DASHBOARD_PORT') }),
    },
    retentionDays:
      retention === undefined
        ? file.retentionDays === undefined
          ? RETENTION_DAYS
          : file.retentionDays
        : parseRetention(retention, 'ROWFERRY_RETENTION'),
    metricsPort: metricsPort === undefined ? undefined : parsePort(metricsPort, 'ROWFERRY_METRICS_PORT'),
    opentelemetry:
      opentelemetry === undefined
        ? (file.opentelemetry ?? false)
        : parseSwitch(opentelemetry, 'ROWFERRY_OPENTELEMETRY'),
    dashboardToken: token(given('ROWFERRY_DASHBOARD_TOKEN')),
  };
}

/** Shorter ones can be guessed. */
const SHORTEST_TOKEN = 16;

function token(given: string | undefined): string | undefined {
  if (given === undefined || given.length >= SHORTEST_TOKEN) return given;
  // Not quoted: it is a secret, however short.
  const sentence = `ROWFERRY_DASHBOARD_TOKEN is shorter than ${SHORTEST_TOKEN} characters; make one with: openssl rand -hex 24`;
  throw new RowferryError('SETTING_INVALID', sentence, EXIT.usage);
}

/** A value that is not spelt as it must be. `wanted` is the rest of the sentence, for those who may not quote the value. */
export class SettingError extends RowferryError {
  constructor(
    setting: string,
    value: string,
    readonly wanted: string,
  ) {
    super('SETTING_INVALID', `${setting}: "${value}" is not ${wanted}.`, EXIT.usage);
  }
}

function bad(setting: string, value: string, wanted: string): SettingError {
  return new SettingError(setting, value, wanted);
}

function oneOf<T extends string>(known: readonly T[], text: string, setting: string): T {
  const found = known.find((one) => one === text.trim());
  if (found === undefined) throw bad(setting, text, `one of ${known.join(', ')}`);
  return found;
}

export function parseLogLevel(text: string, setting: string): LogLevel {
  return oneOf(LOG_LEVELS, text, setting);
}

/** What becomes of a contact that is there already. */
export function parseOnDuplicate(text: string, setting: string): OnDuplicate {
  return oneOf(['skip', 'update'], text, setting);
}

/** Requests for one contact before it is given up. */
export function parseAttempts(text: string, setting: string): number {
  return parseCount(text, setting, 1, 100);
}

export function parseSwitch(text: string, setting: string): boolean {
  return oneOf(['true', 'false'], text, setting) === 'true';
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, sec: 1_000, m: 60_000, min: 60_000, h: 3_600_000 };

/** `10/s`, `100/min`, `10000/h`, `0.5/s`, or `none`. */
export function parseRate(text: string, setting: string): Rate | null {
  const word = text.trim().toLowerCase();
  if (word === 'none') return null;
  const match = /^(\d+(?:\.\d+)?)\s*\/\s*(s|sec|m|min|h)$/.exec(word);
  const requests = Number(match?.[1]);
  const perMs = UNIT_MS[match?.[2] ?? ''];
  if (perMs === undefined || !(requests > 0) || requests > 1_000_000) {
    throw bad(setting, text, 'a rate like 10/s, 100/min, 10000/h, or none');
  }
  return { requests, perMs };
}

/** `500ms`, `30s`, `2m`; in whole milliseconds. */
export function parseDuration(text: string, setting: string, mostMs = Number.POSITIVE_INFINITY): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h)$/.exec(text.trim().toLowerCase());
  const ms = Math.ceil(Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ''] ?? Number.NaN));
  if (!(ms > 0)) throw bad(setting, text, 'a duration like 500ms, 30s or 2m');
  if (ms > mostMs)
    throw bad(setting, text, `a duration of ${mostMs / 60_000} minutes or less, like 30s or 2m`);
  return ms;
}

const SIZE: Record<string, number> = { kb: 1e3, mb: 1e6, gb: 1e9 };

/** `500KB`, `200MB`, `5GB`; in bytes. */
export function parseSize(text: string, setting: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(kb|mb|gb)$/.exec(text.trim().toLowerCase());
  const bytes = Math.ceil(Number(match?.[1]) * (SIZE[match?.[2] ?? ''] ?? Number.NaN));
  if (!(bytes > 0)) throw bad(setting, text, 'a size like 500KB, 200MB or 5GB');
  return bytes;
}

const LONGEST_FETCH_MS = 24 * 3_600_000;

/** Time for a whole file, ms. */
export function parseMaxTime(text: string, setting: string): number {
  return parseDuration(text, setting, LONGEST_FETCH_MS);
}

export function parsePick(text: string, setting: string): 'newest' | 'all' {
  return oneOf(['newest', 'all'], text, setting);
}

/** Silence after which a request counts as unanswered, ms. */
export function parseTimeout(text: string, setting: string): number {
  return parseDuration(text, setting, LONGEST_TIMEOUT_MS);
}

/** Shorter waits are the pace of an API, longer ones beyond what any quota lasts. */
const MAX_WAIT_MS = { least: 60_000, most: 31 * 86_400_000 };

/** The longest wait that an API may ask for before the run halts instead, ms. */
export function parseMaxWait(text: string, setting: string): number {
  const ms = parseDuration(text, setting);
  if (ms < MAX_WAIT_MS.least || ms > MAX_WAIT_MS.most) throw bad(setting, text, 'a duration from 1m to 744h');
  return ms;
}

/** Rows rejected alike from the start after which a run halts; 0: never. */
export function parseHaltAfter(text: string, setting: string): number {
  return parseCount(text, setting, 0, 1_000_000);
}

/** A whole number from `least` to `most`. */
export function parseCount(text: string, setting: string, least: number, most: number): number {
  const count = Number(text.trim());
  if (!/^\d+$/.test(text.trim()) || count < least || count > most) {
    throw bad(setting, text, `a whole number from ${least} to ${most}`);
  }
  return count;
}

/** Days, or `forever` (also 0): null. */
export function parseRetention(text: string, setting: string): number | null {
  const match = /^(\d{1,5})(?:\s*(?:d|days?))?$/.exec(text.trim());
  if (text.trim() === 'forever') return null;
  if (match === null) throw bad(setting, text, 'a number of days like 30, or forever');
  return Number(match[1]) || null;
}

/** A TCP port; 0: any free one. */
export function parsePort(text: string, setting: string): number {
  return parseCount(text, setting, 0, 65_535);
}

/** What may stand between cells: a character or a few; `tab` and `\\t` are the tab. */
export function parseDelimiter(text: string, setting: string): string {
  const delimiter = text === 'tab' || text === '\\t' ? '\t' : text;
  // Letters, digits and quotes stand in cells; so do blanks.
  if (!/^[^\p{L}\p{N}"'\r\n \\.@_-]{1,4}$/u.test(delimiter)) {
    throw bad(setting, text, 'one to four characters like , ; | or tab');
  }
  return delimiter;
}

/** The name of an encoding, in lower case. */
export function parseEncoding(text: string, setting: string): string {
  const name = text.trim().toLowerCase();
  // Not text, but known by the same names elsewhere.
  if (!iconv.encodingExists(name) || /^(base64|hex|binary|utf-?7.*|internal)$/.test(name)) {
    throw bad(setting, text, 'an encoding like utf-8, windows-1252, iso-8859-2, macroman or shift_jis');
  }
  return name;
}

/** `"` or `'`, or what they are called. */
export function parseQuote(text: string, setting: string): Quote {
  const names: Record<string, Quote> = { double: '"', single: "'", '"': '"', "'": "'" };
  const quote = names[text.trim()];
  if (quote === undefined) throw bad(setting, text, 'double or single');
  return quote;
}

export function parseEscape(text: string, setting: string): Escape {
  return oneOf(['double', 'backslash'], text, setting);
}

/** Lines before the header. */
export function parseSkipLines(text: string, setting: string): number {
  return parseCount(text, setting, 0, 1000);
}

/** `Header=field`, `Header=field:type` or `field:=constant`, as in `--map "Mail=email"`. */
export function parseMap(pairs: readonly string[], setting: string): MapRules {
  return gatherRules(pairs.map((pair) => parsePair(pair, setting)));
}

function parsePair(pair: string, setting: string): NamedRule {
  const constant = /^([^=]+):=(.+)$/s.exec(pair);
  if (constant) return [constant[1]!.trim(), { value: constant[2]!.trim() }];
  const at = pair.lastIndexOf('=');
  const [column, field] = [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  if (at < 1 || column === '' || field === '') throw bad(setting, pair, 'of the form Header=field');
  const type = /^[\w.[\]]+:(\w*)$/.exec(field)?.[1];
  if (type !== undefined && !isType(type)) {
    const sentence =
      type === '' ? `no type stands behind the colon. Types: ${TYPES.join(', ')}` : noType(type);
    throw new RowferryError('SETTING_INVALID', `${setting}: "${pair}": ${sentence}.`, EXIT.usage);
  }
  return ruleOfPair(column, field);
}
