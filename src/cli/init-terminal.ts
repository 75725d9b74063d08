/** Questions on a terminal, or none where all is to be guessed. */
import type { Readable, Writable } from 'node:stream';
import pc from 'picocolors';
import { EXIT, RowferryError } from '../errors.js';

export interface Choice<Value> {
  value: Value;
  label: string;
  hint?: string;
}

type Screen = Writable & { isTTY?: boolean; columns?: number };

export class Terminal {
  constructor(
    private readonly input: Readable & { isTTY?: boolean },
    private readonly output: Screen,
    /** Nothing is asked: every question is answered by its guess. */
    readonly silent: boolean,
  ) {}

  get canAnswer(): boolean {
    return this.silent || (this.input.isTTY === true && this.output.isTTY === true);
  }

  readonly colors = pc.createColors(pc.isColorSupported);

  get width(): number {
    return this.output.columns || 100;
  }

  say(text: string): void {
    this.output.write(text);
  }

  async text(
    message: string,
    guess: string | undefined,
    validate: (text: string) => string | undefined,
  ): Promise<string> {
    if (this.silent) return guess ?? '';
    const { text } = await import('@clack/prompts');
    return this.answer(
      await text({
        message,
        ...(guess === undefined ? {} : { initialValue: guess }),
        validate: (given = '') => validate(given.trim()),
        ...this.streams,
      }),
    ).trim();
  }

  async confirm(message: string, guess: boolean): Promise<boolean> {
    if (this.silent) return guess;
    const { confirm } = await import('@clack/prompts');
    return this.answer(await confirm({ message, initialValue: guess, ...this.streams }));
  }

  async select<Value extends string>(
    message: string,
    choices: readonly Choice<Value>[],
    guess: Value | undefined,
  ): Promise<Value> {
    if (this.silent) return guess ?? choices[0]!.value;
    const { select } = await import('@clack/prompts');
    const options = choices as Parameters<typeof select<Value>>[0]['options'];
    const initial = guess === undefined ? {} : { initialValue: guess };
    return this.answer(await select<Value>({ message, options, ...initial, maxItems: 12, ...this.streams }));
  }

  private get streams() {
    return { input: this.input, output: this.output };
  }

  /** Ctrl-C ends it all, and nothing was written yet. */
  private answer<T>(given: T): Exclude<T, symbol> {
    if (typeof given === 'symbol') {
      throw new RowferryError('INIT_CANCELLED', 'Nothing was written.', EXIT.interrupted);
    }
    return given as Exclude<T, symbol>;
  }
}
