/** Time that goes on when a test says so. */
import type { Clock } from '../../src/clock.js';

export class HandClock implements Clock {
  private ms = 0;

  now(): number {
    return Date.UTC(2026, 0, 31) + this.ms;
  }

  monotonic(): number {
    return this.ms;
  }

  random(): number {
    return 0.5;
  }

  pass(ms: number): void {
    this.ms += ms;
  }
}
