/** Loaded before a program (`--import`): its wall clock is ahead by the milliseconds in the file CHAOS_CLOCK, which may change. */
import { readFileSync } from 'node:fs';

const RealDate = Date;
const LOOK_MS = 100;

function ahead() {
  try {
    return Number(readFileSync(process.env.CHAOS_CLOCK, 'utf8')) || 0;
  } catch {
    return 0; // nothing has happened to it yet
  }
}

let aheadMs = ahead();
setInterval(() => {
  aheadMs = ahead();
}, LOOK_MS).unref();

globalThis.Date = class ShiftedDate extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + aheadMs);
    else super(...given);
  }

  static now() {
    return RealDate.now() + aheadMs;
  }
};
