/** `/_sandbox/*`: what the rehearsal's director may see and set. No key, no limit, not counted as requests. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isAnswer, type SandboxApi } from './api.js';
import { readBody } from './body.js';
import { type Draft, isFields } from './contact.js';
import { checkRates } from './faults.js';
import type { SandboxState } from './ledger.js';

export const ADMIN_PREFIX = '/_sandbox';

const DAY_MS = 86_400_000;
/** Seeding is for the operator's own data sets; the API itself takes 1 MB. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;
/** Ledger lines per write: few large writes, yet flat memory. */
const LINES_PER_WRITE = 500;

/** What the endpoints work on. `seedKey` = whose account a contact without `key` goes to. */
export interface AdminContext {
  state: SandboxState;
  apis: readonly SandboxApi[];
  seedKey: string | undefined;
  now: () => number;
}

function json(res: ServerResponse, status: number, body: unknown) {
  res.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  res.end(`${JSON.stringify(body)}\n`);
}

function* ledgerText(state: SandboxState): Generator<string> {
  let text = '';
  let lines = 0;
  for (const line of state.ledger()) {
    text += `${JSON.stringify(line)}\n`;
    lines += 1;
    if (lines % LINES_PER_WRITE === 0) {
      yield text;
      text = '';
    }
  }
  if (text !== '') yield text;
}

/** NDJSON, or one JSON array. Throws a SyntaxError that names the line. */
function parseContacts(text: string): unknown[] {
  if (text.trimStart().startsWith('[')) return JSON.parse(text) as unknown[];
  const contacts: unknown[] = [];
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      contacts.push(JSON.parse(line));
    } catch (error) {
      throw new SyntaxError(`line ${at + 1}: ${(error as Error).message}`);
    }
  }
  return contacts;
}

interface Seed {
  draft: Draft;
  created: number;
  key: string | undefined;
}

/** Valid seeds, or a sentence about the first wrong one. */
function checkSeeds(contacts: unknown[], api: SandboxApi, now: () => number): Seed[] | string {
  const seeds: Seed[] = [];
  for (const [at, contact] of contacts.entries()) {
    if (!isFields(contact)) return `contact ${at + 1}: it must be a JSON object`;
    const { created_at, key, ...body } = contact;
    const draft = api.draft(body);
    if (isAnswer(draft)) return `contact ${at + 1}: ${JSON.stringify(draft.body)}`;
    const created = created_at === undefined ? now() - DAY_MS : Date.parse(String(created_at));
    if (Number.isNaN(created)) return `contact ${at + 1}: created_at must be an ISO 8601 date`;
    if (key !== undefined && typeof key !== 'string') return `contact ${at + 1}: key must be a string`;
    seeds.push({ draft, created, key });
  }
  return seeds;
}

/**
 * `/seed?api=<kind>` (default: the first): each contact as it is sent to that API, with `key` and `created_at` if
 * wanted. Stores all contacts or, if one is wrong, none. Contacts of which a unique key is taken are left out.
 */
function seed(res: ServerResponse, text: string, context: AdminContext, query: URLSearchParams) {
  const { state, apis, seedKey, now } = context;
  const kind = query.get('api');
  const api = kind === null ? apis[0] : apis.find((one) => one.kind === kind);
  if (api === undefined) {
    return json(res, 400, { error: `api must be one of ${apis.map((one) => one.kind).join(', ')}` });
  }
  const seeds = checkSeeds(parseContacts(text), api, now);
  if (typeof seeds === 'string') return json(res, 400, { error: seeds });
  let seeded = 0;
  for (const { draft, created, key = seedKey } of seeds) {
    const account = key === undefined ? state.anyAccount(api) : state.account(api, key);
    if (state.taken(account, draft) !== undefined) continue;
    state.store(account, draft, created, true);
    seeded += 1;
  }
  json(res, 200, { seeded, left_out: seeds.length - seeded });
}

/** Changes the rates that are named and leaves the others; answers with what holds now. */
function setFaults(res: ServerResponse, text: string, { state }: AdminContext) {
  const body: unknown = JSON.parse(text);
  if (typeof body !== 'object' || body === null)
    return json(res, 400, { error: 'The body must be a JSON object' });
  const { outage = state.outage, ...rates } = body as Record<string, unknown>;
  if (typeof outage !== 'boolean') return json(res, 400, { error: 'outage must be true or false' });
  const checked = checkRates({ ...state.rates, ...rates });
  if (typeof checked === 'string') return json(res, 400, { error: checked });
  state.rates = checked;
  state.outage = outage;
  json(res, 200, { ...state.rates, outage });
}

function reset(res: ServerResponse, _text: string, { state }: AdminContext) {
  state.reset();
  json(res, 200, { reset: true });
}

type Act = (res: ServerResponse, text: string, context: AdminContext, query: URLSearchParams) => void;

const POSTS: Readonly<Record<string, Act>> = {
  '/seed': seed,
  '/faults': setFaults,
  '/reset': reset,
};

/** Answers a request under `/_sandbox`. */
export function administer(req: IncomingMessage, res: ServerResponse, context: AdminContext) {
  const [wholePath = '', query = ''] = (req.url ?? '').split('?', 2);
  const path = wholePath.slice(ADMIN_PREFIX.length);
  if (req.method === 'GET' && path === '/stats') return json(res, 200, context.state.stats());
  if (req.method === 'GET' && path === '/ledger') {
    res.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' });
    // A reader that goes away early is no error of ours.
    pipeline(Readable.from(ledgerText(context.state)), res).catch(() => {});
    return;
  }
  const act = req.method === 'POST' && Object.hasOwn(POSTS, path) ? POSTS[path] : undefined;
  if (act === undefined) return json(res, 404, { error: `Nothing at ${req.method} ${ADMIN_PREFIX}${path}` });
  readBody(req, MAX_BODY_BYTES, (text) => {
    if (text === undefined)
      return json(res, 413, { error: `The body is larger than ${MAX_BODY_BYTES} bytes` });
    try {
      act(res, text, context, new URLSearchParams(query));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      json(res, 400, { error: `Not valid JSON: ${error.message}` });
    }
  });
}
