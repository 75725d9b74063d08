/** Who is told what became of runs, and of what: the entries of `notifications` in `rowferry.yaml`. */
import { z } from 'zod';
import { SettingError } from '../config.js';
import type { Schedule } from '../queues/schedules.js';
import { didYouMean } from '../spelling.js';
import { parseCron, parseTimezone } from './schedule.js';
import { matching, spelt, text } from './spelt.js';

/** How a run can end. */
export const RUN_EVENTS = ['finished', 'failed', 'halted', 'cancelled'] as const;
export type RunEvent = (typeof RUN_EVENTS)[number];

const USUAL_EVENTS: readonly RunEvent[] = ['finished', 'failed', 'halted'];

/** Where notices go. All of it may be secret. */
export type Channel =
  | { kind: 'webhook'; url: string; secret?: string }
  | { kind: 'slack'; url: string }
  | { kind: 'email'; to: readonly string[]; from: string; smtp: string };

/** By when something must have come, again and again. */
export interface Expectation extends Schedule {
  /** Runs of this sync; undefined: files in the watched folder. */
  sync?: string;
}

export interface NotificationEntry {
  name: string;
  /** undefined: a variable that it needs is not set here; notices wait for a process that has it. */
  channel?: Channel;
  on: readonly RunEvent[];
  /** A finished run with a larger share of failed rows is told as that; 0 to 1. */
  failedShare?: number;
  expect?: Expectation;
  /** Runs of these syncs alone; undefined: all runs. */
  syncs?: readonly string[];
  /** A sentence for each variable it names that is not set here. */
  unset: readonly string[];
}

/** Shorter ones can be guessed. */
const SHORTEST_SECRET = 16;
/** It becomes part of file names. */
const LONGEST_NAME = 60;

const ADDRESS = /^[^\s@,;:<>"()]+@[^\s@,;:<>"()]+$/;
const SENDER = /^[^<>"\r\n]*<([^<>]+)>$/;

function url(schemes: string[], wanted: string, description: string) {
  return text(description).refine((given) => given === undefined || isUrlOf(schemes, given), wanted);
}

function isUrlOf(schemes: string[], given: string): boolean {
  return URL.canParse(given) && schemes.includes(new URL(given).protocol) && new URL(given).hostname !== '';
}

const address = z
  .string()
  .trim()
  .refine((given) => ADDRESS.test(given), 'is no e-mail address');

/** `5%`, `0.5 %`; as a part of 1. */
function parseShare(given: string, setting: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(given.trim());
  const share = Number(match?.[1]) / 100;
  if (!(share < 1)) throw new SettingError(setting, given, 'a share like 5%, less than 100%');
  return share;
}

const expectSection = z
  .strictObject({
    sync: text('A run of this sync with rows.'),
    folder: z.literal(true).meta({ description: 'A file in the watched folder.' }).optional(),
    by: spelt(parseCron, {
      type: 'string',
      description: 'Cron expression: by each of these moments, since the one before.',
      examples: ['0 6 * * *'],
    }),
    timezone: spelt(parseTimezone, {
      type: 'string',
      description: 'IANA name. Default: UTC.',
      examples: ['Europe/Berlin'],
    }),
  })
  .superRefine(({ sync, folder, by }, context) => {
    const fault = (message: string, ...path: string[]) =>
      context.addIssue({ code: 'custom', message, path, input: sync });
    if ((sync === undefined) === (folder === undefined)) fault('needs exactly one of sync and folder');
    if (by === undefined) fault('is missing', 'by');
  })
  .meta({ description: 'Tells when nothing has come: event "missing".' });

const ofWhat = {
  on: z
    .array(z.enum(RUN_EVENTS))
    .meta({ description: `Ends of runs that are told. Default: ${USUAL_EVENTS.join(', ')}.` })
    .optional(),
  failed_share: spelt(parseShare, {
    ...matching('[0-9]+(\\.[0-9]+)?\\s*%'),
    description: 'A finished run with a larger share of failed rows is told as event "failed_share".',
    examples: ['5%'],
  }),
  expect: expectSection.optional(),
  syncs: z
    .array(z.string().trim().min(1, 'is empty'))
    .min(1, 'is empty')
    .meta({ description: 'Runs of these syncs alone. Default: all runs.' })
    .optional(),
};

/** What can be said of an entry whose channel is not known here. */
const whatSection = z.object(ofWhat);

export const notificationSection = z
  .strictObject({
    webhook: url(['http:', 'https:'], 'is no http(s) URL', 'A URL that takes JSON by POST.'),
    secret: text('Signs what is sent to the webhook.').refine(
      (given) => given === undefined || given.length >= SHORTEST_SECRET,
      `is shorter than ${SHORTEST_SECRET} characters; make one with: openssl rand -hex 24`,
    ),
    slack: url(['http:', 'https:'], 'is no http(s) URL', 'An incoming webhook of Slack or what is like it.'),
    email: z
      .union([address, z.array(address).min(1, 'is empty')], { error: 'is no e-mail address' })
      .meta({ description: 'One e-mail address, or several.' })
      .optional(),
    from: text('Address of the sender, also as: rowferry <sync@example.com>').refine(
      (given) => given === undefined || ADDRESS.test(SENDER.exec(given)?.[1] ?? given),
      'is no e-mail address',
    ),
    smtp: url(
      ['smtp:', 'smtps:'],
      'is no SMTP URL like smtps://user:password@mail.example.com',
      'smtp:// or smtps://, with user and password where the server wants them.',
    ).refine(
      (given) => given === undefined || !URL.canParse(given) || isBare(new URL(given)),
      'has more than user, password, host and port',
    ),
    ...ofWhat,
  })
  .superRefine((entry, context) => {
    const fault = (message: string, ...path: string[]) =>
      context.addIssue({ code: 'custom', message, path, input: entry });
    const kinds = (['webhook', 'slack', 'email'] as const).filter((kind) => entry[kind] !== undefined);
    if (kinds.length !== 1) return fault('needs exactly one of webhook, slack and email');
    if (entry.webhook === undefined && entry.secret !== undefined) fault('is for a webhook', 'secret');
    for (const key of ['from', 'smtp'] as const) {
      if (entry.email === undefined && entry[key] !== undefined) fault('is for email', key);
      if (entry.email !== undefined && entry[key] === undefined) fault('is missing', key);
    }
    const silent = entry.on?.length === 0 && entry.failed_share === undefined && entry.expect === undefined;
    if (silent) fault('is empty, and there is neither failed_share nor expect', 'on');
  });

function isBare({ pathname, search, hash }: URL): boolean {
  return (pathname === '' || pathname === '/') && search === '' && hash === '';
}

type Issue = z.core.$ZodIssue;
type What = z.output<typeof whatSection>;

/**
 * An entry, or what is wrong with it.
 * @param unset sentences about variables that it names and that are not set
 * @param syncs names of the syncs that there are
 */
export function openNotification(
  name: string,
  given: unknown,
  unset: readonly string[],
  syncs: readonly string[],
): { entry?: NotificationEntry; issues: Issue[] } {
  const checked = notificationSection.safeParse(given);
  const what = checked.success ? checked : whatSection.safeParse(given);
  const own = what.data ? unknownSyncs(what.data, syncs) : [];
  if (name.length > LONGEST_NAME) own.push(issue(`has a name of more than ${LONGEST_NAME} letters`));
  const issues = [...(checked.error?.issues ?? []), ...own];
  const usable = own.length === 0 && (checked.success || unset.length > 0);
  if (what.data === undefined || !usable) return { issues };
  const channel = checked.data && unset.length === 0 ? channelOf(checked.data) : undefined;
  return { entry: { name, ...(channel && { channel }), ...told(what.data), unset }, issues };
}

function told({ on = [...USUAL_EVENTS], failed_share, expect, syncs }: What) {
  return {
    on,
    ...(failed_share === undefined ? {} : { failedShare: failed_share }),
    ...(expect?.by === undefined
      ? {}
      : {
          expect: {
            cron: expect.by,
            timezone: expect.timezone ?? 'UTC',
            ...(expect.sync === undefined ? {} : { sync: expect.sync }),
          },
        }),
    ...(syncs === undefined ? {} : { syncs }),
  };
}

function channelOf(entry: z.output<typeof notificationSection>): Channel {
  const { webhook, secret, slack, email, from, smtp } = entry;
  if (webhook !== undefined)
    return { kind: 'webhook', url: webhook, ...(secret === undefined ? {} : { secret }) };
  if (slack !== undefined) return { kind: 'slack', url: slack };
  return { kind: 'email', to: [email!].flat(), from: from!, smtp: smtp! };
}

function unknownSyncs({ syncs = [], expect }: What, known: readonly string[]): Issue[] {
  const named = syncs.map((sync, i) => ({ sync, path: ['syncs', i] }));
  if (expect?.sync !== undefined) named.push({ sync: expect.sync, path: ['expect', 'sync'] });
  return named
    .filter(({ sync }) => !known.includes(sync))
    .map(({ sync, path }) => {
      const there = known.length === 0 ? ' There are none.' : ` There are: ${known.join(', ')}.`;
      return issue(`there is no such sync.${didYouMean(sync, known) || there}`, ...path);
    });
}

function issue(message: string, ...path: (string | number)[]): Issue {
  return { code: 'custom', path, message, input: undefined };
}
