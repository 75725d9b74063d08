import type { Contact } from '../../../src/contact.js';
import { type ApiAnswer, jsonBody } from '../../../src/destinations/destination.js';
import { acme } from '../model.js';
import { but, type Fault, judging } from './fault.js';

export const VERDICTS: Fault[] = [
  {
    fault: 'a duplicate is a rejection',
    broken: () =>
      judging((verdict) => (verdict.kind === 'duplicate' ? { kind: 'rejected', message: 'taken' } : verdict)),
    fails: {
      'create: duplicate email':
        /expected duplicate with key "email" for HTTP 409, but interpret says rejected \(“taken”\); return \{ kind: "duplicate"/,
      'create: duplicate external_id': /expected duplicate with key "external_id" for HTTP 409/,
      'create: duplicate of an unknown key': /expected duplicate without key for HTTP 409/,
    },
  },
  {
    fault: 'every duplicate is one of the e-mail address',
    broken: () =>
      judging((verdict) => (verdict.kind === 'duplicate' ? { ...verdict, key: 'email' } : verdict)),
    fails: {
      'create: duplicate external_id': /interpret says duplicate with key "email"/,
      'create: duplicate of an unknown key':
        /expected duplicate without key .*says duplicate with key "email"/,
    },
  },
  {
    fault: 'success without the id',
    broken: () => judging((verdict) => (verdict.kind === 'created' ? { kind: 'created' } : verdict)),
    fails: {
      'create: created': /expected created with contactId "p-1" for HTTP 201, but interpret says created; /,
    },
  },
  {
    fault: 'an invalid contact stops the run',
    broken: () =>
      judging((verdict) =>
        verdict.kind === 'rejected' ? { ...verdict, kind: 'refused', code: 'no' } : verdict,
      ),
    fails: {
      'create: validation error':
        /expected rejected with field "country" code|expected rejected with field "country" with code "bad_country" for HTTP 422, but interpret says refused/,
      'create: 404': /expected rejected for HTTP 404/,
    },
  },
  {
    fault: 'the field of a validation error is lost',
    broken: () =>
      judging((verdict) =>
        verdict.kind === 'rejected' ? { kind: 'rejected', message: verdict.message } : verdict,
      ),
    fails: {
      'create: validation error': /expected rejected with field "country".*but interpret says rejected \(/,
    },
  },
  {
    fault: 'a wrong key costs row after row',
    broken: () =>
      judging((verdict, { status }) => (status === 401 ? { kind: 'rejected', message: 'who' } : verdict)),
    fails: {
      'create: 401': /expected refused for HTTP 401, but interpret says rejected.*so that the run halts/,
    },
  },
  {
    fault: 'a key without the right is a passing trouble',
    broken: () =>
      judging((verdict, { status }) => (status === 403 ? { kind: 'unavailable', message: 'no' } : verdict)),
    fails: { 'create: 403': /expected refused for HTTP 403, but interpret says unavailable/ },
  },
  {
    fault: 'a spent quota is a rate limit',
    broken: () =>
      judging((verdict, { status }) => (status === 402 ? { kind: 'throttled', message: 'full' } : verdict)),
    fails: { 'create: quota': /expected refused for HTTP 402, but interpret says throttled/ },
  },
  {
    fault: '429 without its wait',
    broken: () =>
      judging((verdict) => (verdict.kind === 'throttled' ? { kind: 'throttled', message: 'slow' } : verdict)),
    fails: {
      'create: 429 (1 of 3)':
        /expected throttled with waitMs 3000 for HTTP 429, but interpret says throttled \(“slow”\); .*announcedWait/,
    },
  },
  {
    fault: 'a wait in seconds',
    broken: () =>
      judging((verdict) =>
        verdict.kind === 'throttled' && verdict.waitMs !== undefined
          ? { ...verdict, waitMs: verdict.waitMs / 1000 }
          : verdict,
      ),
    fails: {
      'create: 429 (2 of 3)': /expected throttled with waitMs 10000 .*says throttled with waitMs 10 /,
    },
  },
  {
    fault: 'a wait of its own where none is announced',
    broken: () =>
      judging((verdict) => (verdict.kind === 'throttled' ? { waitMs: 60_000, ...verdict } : verdict)),
    fails: { 'create: 429 (3 of 3)': /expected throttled without waitMs .*says throttled with waitMs 60000/ },
  },
  {
    fault: 'a wait that is no number',
    broken: () =>
      judging((verdict, { headers }) =>
        verdict.kind === 'throttled'
          ? { ...verdict, waitMs: Number(headers['retry-after']) * 1000 }
          : verdict,
      ),
    fails: {
      'create: 429 (3 of 3)': /expected waitMs to be a number of milliseconds or absent, which NaN is not/,
    },
  },
  {
    fault: 'an API in trouble costs the row',
    broken: () =>
      judging((verdict, { status }) => (status >= 500 ? { kind: 'rejected', message: 'no' } : verdict)),
    fails: {
      'create: 500':
        /expected unavailable for HTTP 500, but interpret says rejected .*so that the row is tried again/,
      'create: HTML with 502': /expected unavailable for HTTP 502/,
    },
  },
  {
    fault: 'throws on HTML',
    broken: () =>
      but({
        interpret(answer, contact) {
          JSON.parse(answer.body);
          return acme.interpret(answer, contact);
        },
      }),
    fails: {
      'create: HTML with 502':
        /expected interpret to return, but it threw SyntaxError.*jsonBody reads a body that may not be JSON/,
      'create: empty body': /it threw SyntaxError/,
      'create: truncated body': /it threw SyntaxError/,
    },
  },
  {
    fault: 'success by the status alone',
    broken: () =>
      judging((verdict, { status }) => (status < 300 ? { kind: 'created', contactId: 'p-1' } : verdict)),
    fails: {
      'create: HTML with 200':
        /expected unclear for HTTP 200, but interpret says created with contactId "p-1"; .*no success/,
      'create: empty body': /expected unclear for HTTP 201 with empty body/,
      'create: truncated body': /expected unclear for HTTP 201 with truncated body/,
      'create: any status with any body':
        /expected unclear or .* for HTTP 200 with the body "", but interpret says created/,
    },
  },
  {
    fault: 'a wrong address costs row after row',
    broken: () =>
      judging((verdict, { status }) =>
        status === 404 ? { kind: 'rejected', message: 'not found' } : verdict,
      ),
    fails: { 'create: HTML with 404': /expected refused for HTTP 404, but interpret says rejected/ },
  },
  {
    fault: 'trusts the shape of a body',
    broken: () =>
      but({
        interpret(answer, contact) {
          const details = (jsonBody(answer)?.error as { details?: { field: string }[] } | null | undefined)
            ?.details;
          void details?.map(({ field }) => field);
          return acme.interpret(answer, contact);
        },
      }),
    fails: {
      'create: any status with any body':
        /^for HTTP 200 with the body .*expected interpret to return, but it threw TypeError/,
    },
  },
  {
    fault: 'a verdict without a message',
    broken: () => judging((verdict) => (verdict.kind === 'refused' ? { ...verdict, message: '' } : verdict)),
    fails: {
      'create: 401': /expected a message in the verdict refused, for the person who reads the report/,
    },
  },
  {
    fault: 'a verdict of its own kind',
    broken: () =>
      judging((verdict) => (verdict.kind === 'created' ? ({ kind: 'success' } as never) : verdict)),
    fails: { 'create: created': /expected a verdict of a known kind, which "success" is not/ },
  },
  {
    fault: 'no verdict at all',
    broken: () => judging((verdict, { status }) => (status === 409 ? (undefined as never) : verdict)),
    fails: { 'create: duplicate email': /expected a verdict, which undefined is not/ },
  },
  {
    fault: 'a promise of a verdict',
    broken: () =>
      but({ interpret: (async (...given: [ApiAnswer, Contact]) => acme.interpret(...given)) as never }),
    fails: { 'create: created': /expected interpret to return at once, but it returned a promise/ },
  },
  {
    fault: 'tells what only rowferry can know',
    broken: () =>
      judging((verdict, { status }) => (status >= 500 ? { kind: 'unreached', message: 'down' } : verdict)),
    fails: { 'create: 500': /expected any verdict but unreached/ },
  },
  {
    fault: 'words of its own in place of the API’s',
    broken: () =>
      judging((verdict) =>
        verdict.kind === 'rejected' ? { ...verdict, message: 'The API said no' } : verdict,
      ),
    fails: {
      'create: unicode in the answer': /expected the message of the verdict to have what the API says/,
    },
  },
  {
    fault: 'words without what is not ASCII',
    broken: () =>
      judging((verdict) =>
        verdict.kind === 'rejected'
          ? { ...verdict, message: verdict.message.replace(/[^ -~]/g, '?') }
          : verdict,
      ),
    fails: {
      'create: unicode in the answer': /expected the message to hold Ungültig.*interpret says "Ung\?ltig/,
    },
  },
  {
    fault: 'an answer read by what the contact has',
    broken: () =>
      but({
        interpret: (answer, contact) =>
          contact.name === undefined
            ? { kind: 'unclear', message: 'no name' }
            : acme.interpret(answer, contact),
      }),
    fails: {
      'create: another contact, the same answer': /expected rejected for HTTP 422 about .*bob@example.com/,
    },
  },
];
