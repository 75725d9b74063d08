/** Why a cell is no value of its type. */
export class Unfit {
  constructor(
    readonly code: string,
    /** What the cell should hold: "a number like 12 or 12.5". */
    readonly expected: string,
  ) {}
}

/** A value, which may be blank, or an {@link Unfit}. Takes text that is not blank. */
export type Convert = (text: string) => unknown;
