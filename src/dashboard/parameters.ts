/** What a request says about a run it adds: the flags of `rowferry enqueue`, as parameters of the address. */
import {
  parseAttempts,
  parseDelimiter,
  parseEncoding,
  parseEscape,
  parseHaltAfter,
  parseMap,
  parseMaxWait,
  parseOnDuplicate,
  parseQuote,
  parseRate,
  parseSkipLines,
  parseSwitch,
} from '../config.js';
import { EXIT, RowferryError, type SourceOptions } from '../index.js';
import { didYouMean } from '../spelling.js';

const KNOWN = [
  'name',
  'file',
  'sync',
  'to',
  'rate',
  'encoding',
  'delimiter',
  'quote',
  'escape',
  'header',
  'skip_lines',
  'sheet',
  'map',
  'attempts',
  'on_duplicate',
  'bulk',
  'incremental',
  'max_wait',
  'halt_after_rejections',
];

/** `file`: one that was sent before. */
type Parameters = SourceOptions & { name: string; file?: string };

/** Throws a sentence for what is no parameter, or no value of it. */
export function readParameters(query: URLSearchParams): Parameters {
  for (const key of query.keys()) {
    if (KNOWN.includes(key)) continue;
    const sentence = `There is no parameter "${key}".${didYouMean(key, KNOWN)} Known: ${KNOWN.join(', ')}.`;
    throw new RowferryError('PARAMETER_UNKNOWN', sentence, EXIT.usage);
  }
  const map = query.getAll('map');
  const file = query.get('file');
  return {
    name: fileName(query.get('name') ?? ''),
    ...(file === null ? {} : { file }),
    sync: query.get('sync') ?? undefined,
    to: query.get('to') ?? undefined,
    rate: given('rate', parseRate),
    encoding: given('encoding', parseEncoding),
    delimiter: given('delimiter', parseDelimiter),
    quote: given('quote', parseQuote),
    escape: given('escape', parseEscape),
    header: given('header', parseSwitch),
    skipLines: given('skip_lines', parseSkipLines),
    sheet: query.get('sheet') ?? undefined,
    attempts: given('attempts', parseAttempts),
    onDuplicate: given('on_duplicate', parseOnDuplicate),
    bulk: given('bulk', parseSwitch),
    incremental: given('incremental', parseSwitch),
    maxWaitMs: given('max_wait', parseMaxWait),
    haltAfterRejections: given('halt_after_rejections', parseHaltAfter),
    ...(map.length === 0 ? {} : { mapping: { map: parseMap(map, 'map') } }),
  };

  function given<T>(name: string, parse: (text: string, setting: string) => T): T | undefined {
    const text = query.get(name);
    return text === null ? undefined : parse(text, name);
  }
}

/** Bytes that file systems take as a name, with room to spare. */
const LONGEST_NAME = 200;

/** The last part of a path, without what a file's name cannot hold or should not begin with. */
function fileName(given: string): string {
  const last = given.split(/[/\\]/).at(-1)!;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
  const plain = last.replace(/[\u0000-\u001f\u007f]/g, '').replace(/^\.+/, '');
  let name = plain;
  while (Buffer.byteLength(name) > LONGEST_NAME) name = name.slice(1);
  return name === '' ? 'upload.csv' : name;
}
