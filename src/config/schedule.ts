/** How a schedule is spelt. */
import { IANAZone } from 'luxon';
import { SettingError } from '../config.js';
import { nextOccasion } from '../queues/schedules.js';

/** `H` means another moment each time it is read. */
const BY_CHANCE = /(^|[\s,])H([\s,/(]|$)/i;

/** A cron expression, as BullMQ understands it. */
export function parseCron(text: string, setting: string): string {
  const cron = text.trim();
  const wanted = "a cron expression like '0 3 * * *'";
  const fields = cron.split(/\s+/).length;
  if (!cron.startsWith('@') && fields !== 5 && fields !== 6) {
    throw new SettingError(setting, text, `${wanted}: it needs five fields, or six with seconds first`);
  }
  if (BY_CHANCE.test(cron)) throw new SettingError(setting, text, `${wanted}: H is not supported`);
  let next: number | undefined;
  try {
    next = nextOccasion({ cron, timezone: 'UTC' }, 0);
  } catch (error) {
    // Without what it quotes: that may come from the environment.
    const why = (error as Error).message.replace(/ *"[^"]*"/g, '');
    throw new SettingError(setting, text, `${wanted}: ${why}`);
  }
  if (next === undefined) throw new SettingError(setting, text, `${wanted}: it means no day that ever comes`);
  return cron;
}

export function parseTimezone(text: string, setting: string): string {
  const zone = text.trim();
  if (!IANAZone.isValidZone(zone)) {
    throw new SettingError(setting, text, 'the name of a time zone like Europe/Berlin or UTC');
  }
  return zone;
}
