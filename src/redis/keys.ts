/** Names of rowferry's own Redis keys. A run's keys share the hash tag of the run, an account's that of the account. */
export interface RunKeys {
  /** Hash: state, epoch, server, alive_until, counters. */
  state: string;
  /** Bitfield of u4: one {@link Code} per row. */
  status: string;
  /** Stream of settled outcomes that the runner has not journaled yet. */
  stream: string;
  /** Hash: who holds which batch, since when rows of it were sent, how often its worker died. */
  batches: string;
  /** List of outcomes that arrived after the run was closed. */
  addendum: string;
}

export function runKeys(prefix: string, run: string): RunKeys {
  const key = (name: string) => `${prefix}:{${run}}:${name}`;
  return {
    state: key('state'),
    status: key('status'),
    stream: key('outcomes'),
    batches: key('batches'),
    addendum: key('addendum'),
  };
}

/** Hash: next free slot, circuit, why nobody sends, the rates that living runs ask for. */
export function paceKey(prefix: string, account: string): string {
  return `${prefix}:{${account}}:pace`;
}

/** List: the last errors of an account, each kind once, the latest first. */
export function troubleKey(prefix: string, account: string): string {
  return `${prefix}:{${account}}:trouble`;
}

export interface MemoryKeys {
  /** Hash: which server it is vouched for, its generation. What is remembered is in `<about>:0` … `<about>:16383`. */
  about: string;
  /** Hash: the runs on the account, and until when they count as being there. */
  runs: string;
  /** Hash: hash of a key → the rows of runs that are under way with it. */
  underway: string;
}

/** An account's memory of delivered contacts. */
export function memoryKeys(prefix: string, account: string): MemoryKeys {
  const about = `${prefix}:{${account}}:memory`;
  return { about, runs: `${about}:runs`, underway: `${about}:underway` };
}

/** Sorted set: the slots of the newest requests, by when these can have reached the API at the latest. */
export function sentKey(prefix: string, account: string): string {
  return `${prefix}:{${account}}:sent`;
}

/** BullMQ's prefix; the braces keep a queue's keys on one cluster slot. */
export function queuePrefix(prefix: string): string {
  return `{${prefix}}`;
}

/** Who of the processes on a data dir looks after its watched folder. */
export function folderKey(prefix: string, dataDirId: string): string {
  return `${prefix}:{folder-${dataDirId}}:lease`;
}

/** Who of the processes on a data dir delivers its notices. */
export function noticesKey(prefix: string, dataDirId: string): string {
  return `${prefix}:{notices-${dataDirId}}:lease`;
}
