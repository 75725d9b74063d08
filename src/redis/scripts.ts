/** The Lua scripts beside this file, as commands of a connection. Each is atomic and repeatable. */
import { readFileSync } from 'node:fs';
import type { ChainableCommander, Redis } from 'ioredis';

/** Number of keys of each script. All have guard.lua's functions, those of the memory also memory.lua's. */
const SCRIPTS = {
  claim_run: 1,
  heartbeat: 1,
  claim_batch: 2,
  release_batch: 1,
  mark: 4,
  settle: 5,
  restore: 2,
  verify: 1,
  trim: 2,
  set_state: 1,
  close_run: 4,
  pace_reserve: 2,
  pace_push: 1,
  pace_forget: 1,
  rate_ask: 1,
  circuit: 1,
  trouble: 1,
  lease: 1,
  memory_enter: 3,
  memory_recall: 3,
  memory_remember: 2,
  memory_leave: 2,
} as const;

type Script = keyof typeof SCRIPTS;

const loaded = new Map<Script, string>();

function source(script: Script): string {
  let text = loaded.get(script);
  if (text === undefined) {
    const read = (name: string) => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
    const shared = script.startsWith('memory_') ? `${read('guard')}\n${read('memory')}` : read('guard');
    text = `${shared}\n${read(script)}`;
    loaded.set(script, text);
  }
  return text;
}

type Argument = string | number | Buffer;
type Commands = Record<Script, (...args: Argument[]) => Promise<unknown>>;
type PipelinedCommands = Record<Script, (...args: Argument[]) => ChainableCommander>;

/** Runs one script. ioredis sends its hash and, after a restart of the server, its text again. */
export function call(redis: Redis, script: Script, ...args: Argument[]): Promise<unknown> {
  return (define(redis) as unknown as Commands)[script](...args);
}

/** Adds one script to a pipeline of `redis`. */
export function pipe(
  redis: Redis,
  pipeline: ChainableCommander,
  script: Script,
  ...args: Argument[]
): ChainableCommander {
  define(redis);
  return (pipeline as unknown as PipelinedCommands)[script](...args);
}

/** Makes the scripts commands of this connection; needed before its first pipeline is made. */
export function define(redis: Redis): Redis {
  if (!('pace_reserve' in redis)) {
    for (const [name, numberOfKeys] of Object.entries(SCRIPTS)) {
      redis.defineCommand(name, { numberOfKeys, lua: source(name as Script) });
    }
  }
  return redis;
}
