/** Cases about what a destination says of itself and of an account: kind, options, environment, limit. */
import type { Candidate, Case } from './candidate.js';
import { problem, show } from './judge.js';

export function accountCases(candidate: Candidate): Case[] {
  const { fixtures } = candidate;
  const credentials = new Set([...Object.keys(fixtures.secrets), candidate.destination.accountKey]);
  return [
    { name: 'account: kind', run: async () => kind(candidate) },
    { name: 'account: environment', run: async () => environment(candidate) },
    { name: 'account: limit', run: async () => limit(candidate) },
    { name: 'account: base URL', run: async () => baseUrl(candidate) },
    ...[...credentials].map((option) => ({
      name: `account: ${option} is required`,
      run: async () => required(candidate, option),
    })),
  ];
}

function kind({ destination }: Candidate): void {
  if (/^[a-z][a-z0-9-]*$/.test(destination.kind)) return;
  throw problem(
    'kind to be a lower-case word',
    `it is ${show(destination.kind)}`,
    'use letters a to z, digits and hyphens: it names queues, flags and reports',
  );
}

function environment(candidate: Candidate): void {
  const { accountKey, env } = candidate.destination;
  const options = candidate.account('http://127.0.0.1:1');
  if (typeof options[accountKey] !== 'string') {
    throw problem(
      'accountKey to name an option of the account that is a text',
      `\`${accountKey}\` is ${show(options[accountKey])}`,
      'name the key or the account id, which tells two accounts at one address apart',
    );
  }
  const unknown = Object.keys(env).find((option) => !Object.hasOwn(options, option));
  if (unknown !== undefined && Object.hasOwn(candidate.fixtures.secrets, unknown)) {
    throw problem(
      `env to name options`,
      `the schema drops \`${unknown}\``,
      'add it to the schema of `options`',
    );
  }
  for (const [option, variable] of Object.entries(env)) {
    if (/^[A-Z][A-Z0-9_]*$/.test(variable)) continue;
    throw problem(
      'env to name a variable for each option',
      `\`${option}\` has ${show(variable)}`,
      'use capitals, digits and underscores, as in CRM_API_KEY',
    );
  }
}

const MOST_PER_S = 10_000;
const LONGEST_MS = 31 * 86_400_000;

function limit({ destination }: Candidate): void {
  const { requests, perMs } = destination.limit ?? {};
  const given = `${show(requests)} requests per ${show(perMs)} ms`;
  const mend =
    'set it to the documented limit, the window in milliseconds: { requests: 10_000, perMs: 3_600_000 } is 10 000 an hour';
  if (!(Number.isSafeInteger(requests) && requests >= 1)) {
    throw problem('limit.requests to be a whole number, 1 at the least', `the limit is ${given}`, mend);
  }
  if (!(Number.isFinite(perMs) && perMs >= 1_000 && perMs <= LONGEST_MS)) {
    throw problem(
      'limit.perMs to be a second at the least and a month at the most',
      `the limit is ${given}`,
      mend,
    );
  }
  if ((requests * 1_000) / perMs <= MOST_PER_S) return;
  throw problem(`a limit of at most ${MOST_PER_S} requests a second`, `it is ${given}`, mend);
}

function baseUrl({ destination, fixtures }: Candidate): void {
  const parse = (value?: string) =>
    destination.options.safeParse({
      ...fixtures.options,
      ...(value === undefined ? {} : { baseUrl: value }),
    });
  for (const wrong of ['', 'api.example.com', 'no address', 'ftp://api.example.com', 'file:///etc/hosts']) {
    const parsed = parse(wrong);
    const named = !parsed.success && parsed.error.issues.some(({ path }) => path[0] === 'baseUrl');
    if (named) continue;
    throw problem(
      `\`options\` to refuse ${show(wrong)} as baseUrl`,
      parsed.success ? 'it takes it' : 'it names no fault of baseUrl',
      'use z.url({ protocol: /^https?$/ })',
    );
  }
  for (const right of ['https://api.example.com', 'http://127.0.0.1:4000/crm']) {
    const parsed = parse(right);
    if (parsed.success && parsed.data.baseUrl === right) continue;
    throw problem(
      `\`options\` to take ${right} as baseUrl and leave it`,
      parsed.success ? `it makes ${show(parsed.data.baseUrl)} of it` : 'it refuses it',
      'use z.url({ protocol: /^https?$/ })',
    );
  }
  const parsed = parse();
  const came = parsed.success ? parsed.data.baseUrl : undefined;
  if (came === fixtures.baseUrl) return;
  throw problem(
    fixtures.baseUrl === undefined
      ? '`options` to refuse an account without baseUrl'
      : `the base URL ${fixtures.baseUrl} where none is given`,
    came === undefined ? '`options` refuses it' : `it is ${show(came)}`,
    fixtures.baseUrl === undefined
      ? 'leave out the default'
      : 'give baseUrl a default in the schema of `options`',
  );
}

function required(candidate: Candidate, option: string): void {
  const { destination, fixtures } = candidate;
  const { [option]: _, ...rest } = fixtures.options;
  for (const [given, words] of [
    [{ ...rest, baseUrl: 'http://127.0.0.1:1' }, 'without'],
    [{ ...rest, [option]: '', baseUrl: 'http://127.0.0.1:1' }, 'with an empty'],
  ] as const) {
    const parsed = destination.options.safeParse(given);
    if (!parsed.success && parsed.error.issues.some(({ path }) => path[0] === option)) continue;
    throw problem(
      `\`options\` to refuse an account ${words} \`${option}\`, and to name it`,
      parsed.success ? 'it takes it' : 'it names another fault',
      `make \`${option}\` a text that is not empty: z.string().min(1)`,
    );
  }
}
