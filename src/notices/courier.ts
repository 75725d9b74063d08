/** Hands over what is in the outbox: each entry's notices in order, with growing pauses while it takes none. */
import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import type { NotificationEntry } from '../config/notifications.js';
import type { Letter, Outbox } from './outbox.js';
import { send } from './send.js';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 3_600_000;
/** An older notice is news to nobody. */
const MAX_AGE_MS = 3 * 86_400_000;

export interface Trouble {
  tries: number;
  /** Monotonic: not tried again before. */
  untilMs: number;
  why: string;
}

export interface CourierOptions {
  outbox: Outbox;
  entries: readonly NotificationEntry[];
  clock: Clock;
  log: Logger;
  /** Asked before each attempt: false ends the round. */
  mayGoOn(): boolean;
  /** Told when a notice is not taken, and why, unless it is as before. */
  onTrouble?(letter: Letter, why: string): void;
}

export class Courier {
  /** By file. What a process has not tried yet is due. */
  readonly troubles = new Map<string, Trouble>();

  constructor(private readonly options: CourierOptions) {}

  /** Tries once what is due. Resolves when it is through, or soon after `signal` aborts. */
  async round(signal: AbortSignal): Promise<void> {
    const letters = await this.options.outbox.list();
    const there = new Set(letters.map(({ file }) => file));
    for (const file of this.troubles.keys()) if (!there.has(file)) this.troubles.delete(file);
    const now = this.options.clock.monotonic();
    const due = letters.filter(({ file }) => (this.troubles.get(file)?.untilMs ?? now) <= now);
    const names = [...new Set(due.map(({ to }) => to))];
    await Promise.all(
      names.map((name) =>
        this.inOrder(
          due.filter(({ to }) => to === name),
          signal,
        ),
      ),
    );
  }

  /** Ends with the first that is not taken: the next would hardly be. One that was tried less often comes first. */
  private async inOrder(letters: Letter[], signal: AbortSignal): Promise<void> {
    const tries = ({ file }: Letter) => this.troubles.get(file)?.tries ?? 0;
    for (const letter of letters.toSorted((a, b) => tries(a) - tries(b))) {
      if (signal.aborted || !this.options.mayGoOn()) return;
      if (!(await this.handOver(letter, signal))) return;
    }
  }

  private async handOver(letter: Letter, signal: AbortSignal): Promise<boolean> {
    const { outbox, entries, clock, log } = this.options;
    const { file, to } = letter;
    const notice = await outbox.load(letter).catch(() => null);
    if (notice === undefined) return true;
    if (notice === null || !(clock.now() - Date.parse(notice.at) < MAX_AGE_MS)) {
      const why = this.troubles.get(file)?.why;
      log.error({ file, to, why }, notice === null ? 'notice is damaged: given up' : 'notice given up');
      await outbox.remove(letter);
      return true;
    }
    const entry = entries.find(({ name }) => name === to);
    if (entry?.channel === undefined) {
      const why = entry === undefined ? `there is no entry "${to}" here` : entry.unset.join('; ');
      this.note(letter, why, LONGEST_PAUSE_MS);
      return true;
    }
    const sent = await send(entry.channel, to, notice, { clock, signal });
    if (sent.taken) {
      await outbox.remove(letter);
      log.info({ notice: notice.id, to }, 'notice sent');
      if (sent.but !== undefined) log.warn({ notice: notice.id, to, why: sent.but }, 'notice sent to some');
      return true;
    }
    if (!signal.aborted) this.note(letter, sent.why, sent.waitMs);
    return false;
  }

  private note(letter: Letter, why: string, waitMs = 0): void {
    const { clock, onTrouble } = this.options;
    const { file } = letter;
    const before = this.troubles.get(file);
    const tries = (before?.tries ?? 0) + 1;
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(tries - 1, 20));
    // Half of it by chance, so that those who wait for one receiver do not come together.
    const pauseMs = Math.max(longest * (0.5 + clock.random() / 2), Math.min(waitMs, LONGEST_PAUSE_MS));
    this.troubles.set(file, { tries, why, untilMs: clock.monotonic() + pauseMs });
    if (before?.why !== why) onTrouble?.(letter, why);
  }
}
