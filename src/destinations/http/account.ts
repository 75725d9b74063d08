/** Who asks: the headers of an `http` destination, and the options of its account. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ApiRequest, Options } from '../destination.js';
import type { HttpSettings } from './settings.js';
import { type Body, compilePath, type Scope } from './template.js';

/** Headers that are nobody's secret. To hide a version would blot out dates and numbers in what an API says. */
const PUBLIC = /^(accept(-.*)?|content-type|user-agent|revision|.*version)$/;
/** Shorter words of a header are no credentials; what a user names as a secret is taken as it is. */
const SHORTEST_WORD = 8;

/**
 * Every credential is an option of its own, so that whoever keeps secrets out of reports knows it: each header as it is
 * sent, the words in it (an API may quote the token without its `Bearer`), and what `secrets` names.
 */
export function describeAccount(settings: HttpSettings) {
  const { base_url, create, secrets, basic_auth: basic } = settings;
  const sent = new Map(Object.entries(settings.headers).map(([name, value]) => [name.toLowerCase(), value]));
  if (basic) {
    const pair = Buffer.from(`${basic.username}:${basic.password}`, 'utf8');
    sent.set('authorization', `Basic ${pair.toString('base64')}`);
  }
  if (!sent.has('accept')) sent.set('accept', 'application/json');
  const open = Object.fromEntries([...sent].filter(([name]) => PUBLIC.test(name)));
  const credentials = [...sent].filter(([name]) => !PUBLIC.test(name));
  const words = credentials
    .flatMap(([, value]) => [...value.split(/[\s,;"]+/), ...value.split(/[\s=,:;"]+/)])
    .filter((word) => word.length >= SHORTEST_WORD);
  const hidden = [...new Set([...words, ...(basic ? [basic.password] : []), ...secrets])];
  // What is sent belongs to the account: two lists of one API may share its key, never their batches.
  const definition = createHash('sha256')
    .update(JSON.stringify([credentials, hidden, create]))
    .digest('hex');

  const options: Record<string, z.ZodType> = {
    baseUrl: z.url({ protocol: /^https?$/ }).default(base_url),
    definition: z.string().min(1, 'is empty').default(definition),
  };
  for (const [name, value] of credentials) options[name] = z.string().min(1, 'is empty').default(value);
  for (const [i, secret] of hidden.entries()) options[`secret${i + 1}`] = z.string().default(secret);
  return {
    options: z.looseObject(options) as unknown as z.ZodType<Options>,
    /** Name of the option that stands for all credentials and for what is sent. */
    accountKey: 'definition',
    headers(account: Options, withBody: boolean): Record<string, string> {
      const headers: Record<string, string> = withBody
        ? { 'content-type': 'application/json', ...open }
        : { ...open };
      for (const [name, value] of credentials) headers[name] = String(account[name] ?? value);
      return headers;
    },
  };
}

export type Headers = ReturnType<typeof describeAccount>['headers'];
export type Ask = (scope: Scope, options: Options) => ApiRequest;

export function compileRequest(
  { method, path }: Pick<HttpSettings['create'], 'method' | 'path'>,
  body: Body | undefined,
  headers: Headers,
): Ask {
  const fill = compilePath(path);
  return (scope, options) => {
    const text = body?.(scope);
    if (body && text === undefined) throw new Error('the body came out blank');
    const request = { method, path: fill(scope), headers: headers(options, text !== undefined) };
    return text === undefined ? request : { ...request, body: text };
  };
}
