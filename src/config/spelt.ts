/** The kinds of values that sections of `rowferry.yaml` are made of. */
import { z } from 'zod';
import { SettingError } from '../config.js';

/** What entries may be called. */
export const NAME = /^[A-Za-z][\w-]*$/;

/** A value with a spelling of ours, as a text or, where YAML reads one, as a number or a switch. */
export function spelt<T>(parse: (text: string, setting: string) => T, published: Record<string, unknown>) {
  return z
    .any()
    .meta(published)
    .transform((given: unknown, context): T => {
      try {
        return parse(typeof given === 'object' ? JSON.stringify(given) : String(given), '');
      } catch (error) {
        if (!(error instanceof SettingError)) throw error;
        context.addIssue({ code: 'custom', message: error.message, params: { wanted: error.wanted } });
        return z.NEVER;
      }
    })
    .optional();
}

export const text = (description: string) =>
  z.string().trim().min(1, 'is empty').meta({ description }).optional();

export function matching(pattern: string): { type: 'string'; pattern: string } {
  return { type: 'string', pattern: `^\\s*(${pattern})\\s*$` };
}
