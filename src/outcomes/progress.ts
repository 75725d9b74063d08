/** Counts of a run while it is under way. */
export interface Progress {
  /** Rows read from the source so far; equals all rows once `read_all`. */
  rows: number;
  created: number;
  updated: number;
  skipped: number;
  failed: number;
  requests: number;
  retries: number;
  throttled: number;
}

/** From the fields of the run's state hash. `rows` is kept there by the runner. */
export function toProgress(fields: Record<string, string>): Progress {
  const count = (name: string) => Number(fields[name] ?? 0);
  return {
    rows: count('rows'),
    created: count('created'),
    updated: count('updated'),
    skipped: count('skipped'),
    failed: count('failed'),
    requests: count('requests'),
    retries: count('retries'),
    throttled: count('throttled'),
  };
}
