import type { Options } from '../../../src/destinations/destination.js';
import type { Verdict } from '../../../src/verdict.js';
import { acme } from '../model.js';
import { body, but, creating, type Fault } from './fault.js';

export const PURITY: Fault[] = [
  {
    fault: 'changes the contact',
    broken: () =>
      creating((contact, { company }) => {
        contact.company = company;
        return {};
      }),
    fails: {
      'purity: create': /expected create to leave what it is given as it is, but it changed it; make a copy/,
    },
  },
  {
    fault: 'writes into the contact what is there already',
    broken: () =>
      but({
        identity(contact) {
          contact.email = String(contact.email);
          return acme.identity(contact);
        },
      }),
    fails: {
      'purity: identity': /expected identity with frozen arguments to return, but it threw TypeError/,
    },
  },
  {
    fault: 'changes the answer',
    broken: () =>
      but({
        interpret(answer, contact) {
          const verdict = acme.interpret(answer, contact);
          answer.body = '';
          return verdict;
        },
      }),
    fails: { 'purity: interpret': /expected interpret to leave what it is given as it is/ },
  },
  {
    fault: 'looks at the clock',
    broken: () => creating((contact) => body({ ...contact, sent_at: Date.now() })),
    fails: {
      'purity: create':
        /expected create to return the same for the same arguments, but it returned something else/,
    },
  },
  {
    fault: 'remembers the account before',
    broken: () => {
      let first: Options | undefined;
      return but({
        defaults: (account) => {
          const { company } = first ?? account;
          first = account;
          return { company };
        },
      });
    },
    fails: { 'purity: defaults': /expected defaults to return the same for the same arguments/ },
  },
  {
    fault: 'remembers the answer before',
    broken: () => {
      let last: unknown;
      const remembering = (verdict: Verdict): Verdict => {
        const before = last;
        last = verdict.kind;
        return before === 'throttled' ? { kind: 'throttled', message: 'still' } : verdict;
      };
      return {
        ...acme,
        interpret: (answer, contact) => remembering(acme.interpret(answer, contact)),
        update: {
          ...acme.update!,
          request: (contact, account, id) => ({
            ...acme.update!.request(contact, account, id),
            path: `/${Math.random()}`,
          }),
          interpret: (answer, contact) =>
            ({ ...acme.update!.interpret(answer, contact), at: Date.now() }) as never,
        },
        lookup: {
          request: (contact, account, key) => ({
            ...acme.lookup!.request(contact, account, key),
            path: `/${Math.random()}`,
          }),
          read: (answer, contact, key) =>
            ({ ...acme.lookup!.read(answer, contact, key), at: Date.now() }) as never,
        },
        bulk: {
          ...acme.bulk!,
          request: (contacts, account) => ({
            ...acme.bulk!.request(contacts, account),
            path: `/${Math.random()}`,
          }),
          interpret: (answer, contacts) =>
            acme.bulk!.interpret(answer, contacts).map((one) => ({ ...one, at: Date.now() })) as never,
        },
      };
    },
    fails: {
      'purity: interpret': /expected interpret to return the same/,
      'purity: update.request': /expected update.request to return the same/,
      'purity: update.interpret': /expected update.interpret to return the same/,
      'purity: lookup.request by email': /expected lookup.request by email to return the same/,
      'purity: lookup.request by external_id': /to return the same/,
      'purity: lookup.read by email': /expected lookup.read by email to return the same/,
      'purity: lookup.read by external_id': /to return the same/,
      'purity: bulk.request': /expected bulk.request to return the same/,
      'purity: bulk.interpret': /expected bulk.interpret to return the same/,
    },
  },
];
