/** What each reason means, and what a person can do: in the page of a report, and of a run. */
import type { Reason, Status } from '../outcome.js';

export interface Advice {
  status: Status;
  meaning: string;
  /** What to do about it; empty: nothing. */
  mend: string;
}

export const ADVICE: Record<Reason, Advice> = {
  confirmed_on_retry: {
    status: 'created',
    meaning: 'An answer was lost on its way; a look-up proved that the contact had been created.',
    mend: '',
  },
  duplicate_email: {
    status: 'skipped',
    meaning: 'The e-mail address is in the destination already, or repeats a row of this file.',
    mend: 'Nothing to do, unless the contact is to be changed: then run the file with --on-duplicate update.',
  },
  duplicate_external_id: {
    status: 'skipped',
    meaning: 'The external id is in the destination already, or repeats a row of this file.',
    mend: 'Nothing to do, unless the contact is to be changed: then run the file with --on-duplicate update.',
  },
  duplicate_contact: {
    status: 'skipped',
    meaning: 'The contact is in the destination already; the API does not say by which key.',
    mend: 'Nothing to do, unless the contact is to be changed: then run the file with --on-duplicate update.',
  },
  already_synced: {
    status: 'skipped',
    meaning: 'An earlier run delivered the contact as it is now; nothing was sent.',
    mend: '',
  },
  invalid: {
    status: 'failed',
    meaning: 'A value does not fit, so that the row was never sent.',
    mend: 'Mend the rows in failed.csv and run that file.',
  },
  rejected: {
    status: 'failed',
    meaning: 'The API refused the row and says why.',
    mend: 'Mend the rows in failed.csv and run that file.',
  },
  retries_exhausted: {
    status: 'failed',
    meaning: 'The API failed each time it was asked for this row.',
    mend: 'Retry the failed rows once the API is well again.',
  },
  unconfirmed: {
    status: 'failed',
    meaning: 'The row was sent and may have landed, which could not be verified; it was not sent again.',
    mend: 'Look the contact up in the destination before it is sent again.',
  },
  cancelled: {
    status: 'unprocessed',
    meaning: 'The run was cancelled before the row was sent.',
    mend: 'Run the file again; what is there already is skipped.',
  },
  halted: {
    status: 'unprocessed',
    meaning: 'The run was halted before the row was sent.',
    mend: 'Mend the cause and resume the run.',
  },
};
