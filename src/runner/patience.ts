/** How long a run lets itself be made to wait by the API: a quota that is spent for a day is told, not waited for. */
import { forgetWait } from '../delivery/pace.js';
import type { Waiting } from '../delivery/waiting.js';
import type { Session } from './session.js';

/** Of plans that do not say. */
const MAX_WAIT_MS = 2 * 3_600_000;

export class Patience {
  private begun = false;
  private readonly longestMs: number;

  constructor(private readonly session: Session) {
    this.longestMs = session.plan.maxWaitMs ?? MAX_WAIT_MS;
  }

  /**
   * Halts the run when it would have to wait for longer than it may. What the account was told before this runner came
   * may be over (another plan, a mended quota): one request finds out. `nowMs`: our clock.
   */
  async see(waiting: Waiting | undefined, nowMs: number): Promise<void> {
    const { around, account, record } = this.session;
    const first = !this.begun;
    this.begun = true;
    const { untilMs } = waiting ?? {};
    if (untilMs === undefined || untilMs - nowMs <= this.longestMs) return;
    if (first) return forgetWait(around.redis, around.prefix, account.id, this.longestMs);
    const until = `${new Date(untilMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
    await record.setState('halted', ['running'], {
      halt_code: 'wait_too_long',
      halt_message: `it asks to wait until ${until}, longer than max_wait allows (${inWords(this.longestMs)})`,
    });
  }
}

function inWords(ms: number): string {
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000}h` : `${Math.round(ms / 60_000)}m`;
}
