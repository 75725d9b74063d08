/** `rowferry.yaml` on disk: where it is, and whether everyone can read the keys in it. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type { Environment } from '../config.js';
import { EXIT, RowferryError } from '../errors.js';
import type { ConfigDocument, Path } from './document.js';
import { faultLine } from './faults.js';
import { type Config, type ReadConfig, readConfig } from './read.js';

/** Far more than anybody writes; given some other file, one does not wait for what YAML makes of it. */
const LONGEST = 1024 * 1024;

export const CONFIG_NAME = 'rowferry.yaml';

export interface LoadedConfig extends Config {
  /** Sentences a person should read. */
  warnings: string[];
}

/**
 * Reads the configuration: `given`, else ROWFERRY_CONFIG, else `rowferry.yaml` in the working directory, if there is
 * one; `false`: none. Throws all faults together. A variable that is not set is a fault of the destination, sync or
 * notification that names it, told when that is used.
 */
export function loadConfig(given: string | false | undefined, environment: Environment): LoadedConfig {
  const path = given === false ? undefined : findConfig(given, environment);
  if (path === undefined) {
    return { settings: {}, destinations: [], syncs: [], notifications: [], defaults: {}, warnings: [] };
  }
  const { config, document, faults } = openConfig(path, environment);
  const file = shownPath(path);
  if (faults.length > 0) throw configInvalid(faults.map((fault) => faultLine(file, fault)));
  return { ...config, warnings: exposedSecrets(path, document) };
}

function configInvalid(lines: readonly string[]): RowferryError {
  const all = lines.map((line) => `\n  ${line}`).join('');
  const sentence = lines.length === 1 ? lines[0]! : `the configuration has ${lines.length} faults:${all}`;
  return new RowferryError('CONFIG_INVALID', sentence, EXIT.usage);
}

/** Path of the configuration file, if there is one. Throws a sentence when one was asked for and is not there. */
export function findConfig(given: string | undefined, environment: Environment): string | undefined {
  const asked = given ?? (environment.ROWFERRY_CONFIG?.trim() || undefined);
  const path = asked ?? CONFIG_NAME;
  if (existsSync(path)) return path;
  if (asked === undefined) return undefined;
  const by = given === undefined ? ' (ROWFERRY_CONFIG)' : '';
  throw new RowferryError('CONFIG_MISSING', `There is no configuration file ${path}${by}.`, EXIT.usage);
}

/** The path as it is told: short where it can be. */
export function shownPath(path: string): string {
  const near = relative('.', path);
  return near.startsWith('..') || isAbsolute(near) ? resolve(path) : near;
}

export function openConfig(path: string, environment: Environment): ReadConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    const sentence = `The configuration file ${shownPath(path)} cannot be read: ${why}.`;
    throw new RowferryError('CONFIG_UNREADABLE', sentence, EXIT.usage);
  }
  if (text.length > LONGEST) {
    const sentence = `${shownPath(path)} is larger than 1 MB: that is no configuration file.`;
    throw new RowferryError('CONFIG_INVALID', sentence, EXIT.usage);
  }
  return readConfig(text, shownPath(path), dirname(resolve(path)), environment);
}

const SECRET = /(^|[_-])(key|secret|token|password|authorization)$/i;
const PASSWORD_IN_URL = /^\w+:\/\/[^/@]*:[^/@]+@/;

/** Whether a literal at `path` is a credential. */
function isSecret([section, , option, ...inside]: Path, text: string): boolean {
  if (PASSWORD_IN_URL.test(text)) return true;
  if (section === 'notifications') return option === 'secret' || option === 'slack';
  if (section === 'syncs' && option === 'source')
    return inside[0] === 'headers' && SECRET.test(String(inside[1]));
  if (section !== 'destinations' || text === '') return false;
  if (option === 'secrets') return true;
  const names =
    option === 'headers' || option === 'basic_auth' ? inside : inside.length === 0 ? [option] : [];
  return SECRET.test(String(names.at(-1)));
}

/** Warns of keys that stand in a file which others may read. */
export function exposedSecrets(path: string, document: ConfigDocument): string[] {
  const { mode } = statSync(path);
  if (process.platform === 'win32' || (mode & 0o044) === 0) return [];
  const exposed = document.literals.filter(({ path, text }) => isSecret(path, text));
  const file = shownPath(path);
  return exposed.map(({ path }) => {
    const setting = path.map(String).join('.');
    return `${setting} stands in ${file} itself, which others on this machine may read: write \${A_VARIABLE} there, or chmod 600 ${file}.`;
  });
}
