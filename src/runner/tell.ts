/** Tells those who watch a run how far it is, and why it waits. */
import type { Waiting } from '../delivery/waiting.js';
import type { RunProgress, Session } from './session.js';

const SILENCE_MS = 2_000;

export class Teller {
  private last: RunProgress | undefined;
  private why: string | undefined;

  constructor(private readonly session: Session) {}

  tell(far: RunProgress): void {
    const { around, plan, events } = this.session;
    this.last = far;
    const why = far.waiting?.why;
    if (why !== this.why)
      around.log.info({ run: plan.run, ...far.waiting }, why ? 'run waits' : 'run goes on');
    this.why = why;
    events.progress?.(far);
  }

  /** Nothing is known but why it waits: the newest counts stand. */
  wait(waiting: Waiting): void {
    if (this.last) this.tell({ ...this.last, waiting });
  }

  /** Waits for Redis, and says so for as long as it does not answer. */
  async patiently<T>(asked: Promise<T>): Promise<T> {
    const timer = setInterval(() => this.wait({ why: 'Redis does not answer' }), SILENCE_MS);
    try {
      return await asked;
    } finally {
      clearInterval(timer);
    }
  }
}
