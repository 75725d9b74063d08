/** What is wrong with a mapping, gathered, so that a person mends all of it at once. */
import { EXIT, RowferryError } from '../errors.js';

export interface MappingFault {
  sentence: string;
  hint?: string | undefined;
  /** Of the rule that is wrong; undefined: the mapping as a whole. */
  field?: string | undefined;
}

export class MappingFaults {
  readonly all: MappingFault[] = [];
  private readonly codes = new Set<string>();
  private readonly hints = new Set<string>();

  /** `hint` is said once at the end, however many sentences have the same. */
  add(code: string, sentence: string, hint?: string, field?: string): void {
    this.codes.add(code);
    this.all.push({ sentence, hint, field });
    if (hint !== undefined) this.hints.add(hint);
  }

  /** Throws one error for all of them; the code is theirs when they are of one kind. */
  throwAny(): void {
    if (this.all.length === 0) return;
    const [code] = this.codes;
    throw new RowferryError(
      this.codes.size === 1 ? code! : 'MAPPING_INVALID',
      [...this.all.map(({ sentence }) => sentence), ...this.hints].join(' '),
      EXIT.usage,
    );
  }
}

/** `"a", "b" and 5 more` */
export function quoted(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => `"${name}"`);
  return shown.join(', ') + (names.length > 20 ? ` and ${names.length - 20} more` : '');
}
