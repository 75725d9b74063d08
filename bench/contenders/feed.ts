/** Jobs for the rows of a CSV, added in groups, and only while few enough are unfinished, so that a queue stays bounded. */
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import type { Cells } from './post.js';

const AT_ONCE = 500;
const MOST_UNFINISHED = 2_000;

export class Feed {
  private added = 0;
  private finished = 0;
  private failure: Error | undefined;
  private moved = () => {};

  constructor(private readonly csv: string) {}

  /** So many more jobs are through. */
  readonly done = (jobs = 1): void => {
    this.finished += jobs;
    this.moved();
  };

  readonly fail = (error: Error): void => {
    this.failure ??= error;
    this.moved();
  };

  /** Resolves when the jobs of all rows are through; rejects with the first failure. */
  async through(add: (group: Cells[]) => Promise<unknown>): Promise<void> {
    let group: Cells[] = [];
    const addGroup = async () => {
      await this.until(() => this.added - this.finished + group.length <= MOST_UNFINISHED);
      this.added += group.length;
      await add(group);
      group = [];
    };
    for await (const record of createReadStream(this.csv).pipe(parse({ columns: true, bom: true }))) {
      if (group.push(record as Cells) === AT_ONCE) await addGroup();
    }
    if (group.length > 0) await addGroup();
    await this.until(() => this.finished === this.added);
  }

  private async until(enough: () => boolean): Promise<void> {
    while (!this.failure && !enough()) {
      await new Promise<void>((resolve) => {
        this.moved = resolve;
      });
    }
    if (this.failure) throw this.failure;
  }
}
