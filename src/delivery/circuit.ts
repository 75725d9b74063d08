/** Tells an outage from single failures, so that no row spends its attempts on an API that is down. */
import type { Verdict } from '../verdict.js';
import type { Pace } from './pace.js';
import { type Failure, sayFailure } from './waiting.js';

/** Failures in a row, with no other answer in between, that count as an outage. */
const FAILURES = 10;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 5_000;
/** An answered look-up proves for so long that the API lives. */
const LIVES_MS = 3_000;
const LIVES_WORDS = 'answers look-ups, but has taken no contact yet';

/** About the request that a verdict is of. */
export interface Asked {
  probe?: boolean | undefined;
  httpStatus?: number | undefined;
}

/**
 * Open, one probe after each pause tries the API: a look-up where a row can be looked up. As long as look-ups are
 * answered the API lives and failures are the rows' own: those that failed before go on and spend their attempts, and
 * with each probe one row that was never sent may try whether creating works for others. Their success closes the
 * circuit; a look-up without an answer makes it an outage again.
 */
export class Circuit {
  private failures = 0;
  open = false;
  /** Open, but look-ups are answered. */
  lives = false;
  /** Rows never sent before that may be sent now while the API {@link lives}. */
  fresh = 0;

  constructor(
    private readonly pace: Pick<Pace, 'trip' | 'closeCircuit' | 'probeAgain' | 'noteLife'>,
    /** Told every answer. */
    private readonly trouble?: { note(verdict: Verdict, httpStatus: number | undefined): void },
  ) {}

  /** What the newest reservation said about the circuit, which any process may have opened or closed. */
  observe({ circuit, lives }: { circuit: 'open' | 'probe' | ''; lives: boolean }): void {
    const open = circuit !== '';
    if (open) this.failures = Math.max(this.failures, FAILURES);
    else if (this.open) this.failures = 0; // somebody's probe was answered
    this.open = open;
    this.lives = lives;
    if (!lives) this.fresh = 0;
  }

  /** Takes note of the answer to a create. Resolves when the circuit has changed, if it does. */
  async note(verdict: Verdict, { probe, httpStatus }: Asked): Promise<void> {
    this.trouble?.note(verdict, httpStatus);
    if (isFailure(verdict)) {
      if (!this.lives || verdict.kind === 'unreached') return this.fail(verdict, httpStatus);
      if (probe) await this.pace.probeAgain(FIRST_PAUSE_MS, 0, LIVES_WORDS);
      return;
    }
    this.failures = 0;
    if (!this.open) return;
    this.open = false;
    this.lives = false;
    await this.pace.closeCircuit();
  }

  /** Takes note of a look-up; `verdict`: why it was not answered. */
  async noteLookUp(verdict: Verdict | undefined, asked: Asked): Promise<void> {
    if (verdict !== undefined) {
      if (!isFailure(verdict)) return this.note(verdict, asked);
      this.trouble?.note(verdict, asked.httpStatus);
      return this.fail(verdict, asked.httpStatus);
    }
    if (!this.open) return;
    this.lives = true;
    if (!asked.probe) return this.pace.noteLife(LIVES_MS);
    this.fresh = 1;
    await this.pace.probeAgain(FIRST_PAUSE_MS, LIVES_MS, LIVES_WORDS);
  }

  private async fail(failure: Failure, httpStatus: number | undefined): Promise<void> {
    if (++this.failures < FAILURES) return;
    this.open = true;
    this.lives = false;
    await this.pace.trip(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, sayFailure(failure, httpStatus));
  }
}

export function isFailure(verdict: Verdict): verdict is Failure {
  return verdict.kind === 'unavailable' || verdict.kind === 'unclear' || verdict.kind === 'unreached';
}
