/** Tells an outage from single failures, so that no row spends its attempts on an API that is down. */
import type { Verdict } from '../verdict.js';
import type { Pace } from './pace.js';
import { sayFailure } from './waiting.js';

/** Failures in a row, with no other answer in between, that count as an outage. */
const FAILURES = 10;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 5_000;

export class Circuit {
  private failures = 0;
  open = false;

  constructor(private readonly pace: Pick<Pace, 'trip' | 'closeCircuit' | 'probeAgain'>) {}

  /** What the newest reservation said about the circuit, which any process may have opened or closed. */
  observe(state: 'open' | 'probe' | ''): void {
    const open = state !== '';
    if (open) this.failures = Math.max(this.failures, FAILURES);
    else if (this.open) this.failures = 0; // somebody's probe was answered
    this.open = open;
  }

  /** Takes note of an answer. Resolves when the circuit has changed, if it does. */
  async note(verdict: Verdict, httpStatus?: number): Promise<void> {
    if (verdict.kind === 'unavailable' || verdict.kind === 'unclear' || verdict.kind === 'unreached') {
      this.failures++;
      if (this.failures < FAILURES) return;
      this.open = true;
      await this.pace.trip(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, sayFailure(verdict, httpStatus));
      return;
    }
    this.failures = 0;
    if (!this.open) return;
    this.open = false;
    await this.pace.closeCircuit();
  }

  /** A look-up sent as probe was answered: the API lives, though creating may still fail. */
  async lookedUp(): Promise<void> {
    if (this.open)
      await this.pace.probeAgain(FIRST_PAUSE_MS, 'answers look-ups, but has taken no contact yet');
  }
}
