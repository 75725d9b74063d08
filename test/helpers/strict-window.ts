/** Judges when requests reached a server, as one does that counts in a strict sliding window; fair about its own stalls. */
import { onTestFinished } from 'vitest';

const TICK_MS = 2;

interface Arrival {
  atMs: number;
  /** It may have been there since then: what came while this process stood still is seen late. */
  sinceMs: number;
}

export class StrictWindow {
  private readonly arrivals: Arrival[] = [];
  private tickMs = performance.now();
  private tickBeforeMs = this.tickMs;

  constructor(
    private readonly most: number,
    private readonly windowMs: number,
  ) {
    const timer = setInterval(() => {
      this.tickBeforeMs = this.tickMs;
      this.tickMs = performance.now();
    }, TICK_MS);
    onTestFinished(() => clearInterval(timer));
  }

  /** Call it as soon as a request is there. */
  arrived(): void {
    this.arrivals.push({ atMs: performance.now(), sinceMs: this.tickBeforeMs });
  }

  get count(): number {
    return this.arrivals.length;
  }

  /** How many windows had to do with requests beyond those allowed in one. */
  get judged(): number {
    return Math.max(0, this.count - this.most);
  }

  /** Requests that surely were one too many within a window, with by how much. */
  violations(): string[] {
    return this.arrivals.slice(this.most).flatMap(({ atMs }, i) => {
      const tooSoonMs = this.windowMs - (atMs - this.arrivals[i]!.sinceMs);
      return tooSoonMs > 0 ? [`request ${i + this.most + 1}: ${tooSoonMs.toFixed(1)} ms too soon`] : [];
    });
  }

  /** The longest time for which this process did not look. */
  get longestStallMs(): number {
    return Math.max(...this.arrivals.map(({ atMs, sinceMs }) => atMs - sinceMs));
  }

  /** Of what is allowed from the first request to the last, the share that was used. */
  get used(): number {
    const tookMs = this.arrivals.at(-1)!.atMs - this.arrivals[0]!.atMs;
    return ((this.count - 1) * this.windowMs) / tookMs / this.most;
  }
}
