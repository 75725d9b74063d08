/** Exit codes of the command line (DESIGN §6). */
export const EXIT = {
  ok: 0,
  broke: 1,
  usage: 2,
  rowsFailed: 3,
  halted: 4,
  cancelled: 5,
  noRedis: 69,
  interrupted: 130,
  terminated: 143,
} as const;

/** An error a person is meant to read: one sentence saying what, where and how to mend it. `code` is stable. */
export class RowferryError extends Error {
  override name = 'RowferryError';

  constructor(
    readonly code: string,
    message: string,
    readonly exitCode: number = EXIT.broke,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
