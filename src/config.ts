/** Settings from the environment, and the spellings of values that people give. */
import { EXIT, RowferryError } from './errors.js';
import { LOG_LEVELS, type LogLevel } from './log.js';
import { gatherRules, isType, type MapRules, type NamedRule, ruleOfPair, TYPES } from './mapping.js';
import type { Rate } from './run.js';

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
  /** ROWFERRY_TIMEOUT: silence after which a request counts as unanswered, ms. */
  timeoutMs: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** Far longer, and a timer would end at once. */
const LONGEST_TIMEOUT_MS = 600_000;

export function readSettings(environment: Environment, dataDir?: string): Settings {
  const given = (name: string) => environment[name]?.trim() || undefined;
  const prefix = given('ROWFERRY_PREFIX') ?? 'rowferry';
  if (!/^[\w.-]+$/.test(prefix)) {
    throw bad('ROWFERRY_PREFIX', prefix, 'letters, digits, dots, dashes and underscores');
  }
  const level = given('ROWFERRY_LOG_LEVEL');
  if (level !== undefined && !isLogLevel(level)) {
    throw bad('ROWFERRY_LOG_LEVEL', level, `one of ${LOG_LEVELS.join(', ')}`);
  }
  const timeout = given('ROWFERRY_TIMEOUT');
  return {
    redisUrl: given('REDIS_URL'),
    redisBinary: given('ROWFERRY_REDIS_BIN'),
    dataDir: dataDir ?? given('ROWFERRY_DATA_DIR') ?? '.rowferry',
    prefix,
    logLevel: level,
    timeoutMs:
      timeout === undefined
        ? DEFAULT_TIMEOUT_MS
        : parseDuration(timeout, 'ROWFERRY_TIMEOUT', LONGEST_TIMEOUT_MS),
  };
}

function isLogLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}

function bad(setting: string, value: string, wanted: string): RowferryError {
  return new RowferryError('SETTING_INVALID', `${setting}: "${value}" is not ${wanted}.`, EXIT.usage);
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

/** A whole number from `least` to `most`. */
export function parseCount(text: string, setting: string, least: number, most: number): number {
  const count = Number(text.trim());
  if (!/^\d+$/.test(text.trim()) || count < least || count > most) {
    throw bad(setting, text, `a whole number from ${least} to ${most}`);
  }
  return count;
}

/** One of the delimiters rowferry reads; `tab` and `\t` are the tab. */
export function parseDelimiter(text: string, setting: string): string {
  const delimiter = text === 'tab' || text === '\\t' ? '\t' : text;
  if (![',', ';', '\t', '|'].includes(delimiter)) {
    throw bad(setting, text, 'one of , ; | or tab');
  }
  return delimiter;
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
    throw bad(setting, pair, `of the form Header=field:type; the types are ${TYPES.join(', ')}`);
  }
  return ruleOfPair(column, field);
}
