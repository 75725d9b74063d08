/** Server-sent events: one look a second for all who watch the same, and only what has changed is sent. */
import { setMaxListeners } from 'node:events';
import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import { pause } from '../clock.js';
import { type Rowferry, RowferryError } from '../index.js';
import { PATIENCE_MS } from './patience.js';

/** Event → what it carries. */
export type Look = () => Promise<Record<string, unknown>>;

const LOOK_MS = 1_000;
/** Proxies and the server itself end connections that are silent. */
const SILENCE_MS = 15_000;

/** Something that somebody watches. */
class Topic {
  private readonly newest = new Map<string, { data: string; version: number }>();
  private version = 0;
  private readonly watchers = new Set<() => void>();
  private readonly ending = new AbortController();

  constructor(
    private readonly rowferry: Rowferry,
    private readonly look: Look,
    private readonly wait: typeof pause,
    private readonly deserted: () => void,
  ) {
    void this.keepLooking();
  }

  private async keepLooking(): Promise<void> {
    while (!this.ending.signal.aborted) {
      for (const [event, value] of Object.entries(await this.see())) this.note(event, value);
      await this.wait(LOOK_MS, this.ending.signal);
    }
  }

  private async see(): Promise<Record<string, unknown>> {
    try {
      // Commands wait for a Redis that is away; whoever watches is told.
      if (await this.rowferry.answers(PATIENCE_MS)) return { trouble: null, ...(await this.look()) };
      return { trouble: 'Redis does not answer at the moment.' };
    } catch (error) {
      if (error instanceof RowferryError) return { trouble: error.message };
      this.rowferry.log.error({ error: (error as Error).stack }, 'look failed');
      return { trouble: 'This should not have happened; the log of the service says more.' };
    }
  }

  private note(event: string, value: unknown): void {
    const data = JSON.stringify(value);
    if (this.newest.get(event)?.data === data) return;
    this.newest.set(event, { data, version: ++this.version });
    for (const wake of this.watchers) wake();
  }

  async watch(stream: SSEStreamingApi, closing: AbortSignal): Promise<void> {
    let sent = 0;
    let wake = () => {};
    const end = () => wake();
    const watcher = () => wake();
    this.watchers.add(watcher);
    stream.onAbort(end);
    closing.addEventListener('abort', end);
    try {
      while (!stream.aborted && !stream.closed && !closing.aborted) {
        const news = [...this.newest].filter(([, { version }]) => version > sent);
        for (const [event, { data, version }] of news) {
          sent = Math.max(sent, version);
          await stream.writeSSE({ event, data });
        }
        if (news.length > 0) continue;
        const silent = await new Promise<boolean>((resolve) => {
          const timer = setTimeout(() => resolve(true), SILENCE_MS);
          wake = () => {
            clearTimeout(timer);
            resolve(false);
          };
        });
        if (silent) await stream.write(': still here\n\n');
      }
    } finally {
      this.watchers.delete(watcher);
      closing.removeEventListener('abort', end);
      if (this.watchers.size === 0) {
        this.ending.abort();
        this.deserted();
      }
    }
  }
}

export class Live {
  private readonly topics = new Map<string, Topic>();
  private readonly closing = new AbortController();

  constructor(
    private readonly rowferry: Rowferry,
    private readonly wait = pause,
  ) {
    setMaxListeners(0, this.closing.signal); // every watcher listens to it
  }

  /** Whoever asks for the same `name` shares one `look`. */
  stream(c: Context, name: string, look: Look): Response {
    c.header('x-accel-buffering', 'no');
    return streamSSE(c, async (stream) => {
      let topic = this.topics.get(name);
      if (topic === undefined) {
        topic = new Topic(this.rowferry, look, this.wait, () => this.topics.delete(name));
        this.topics.set(name, topic);
      }
      await topic.watch(stream, this.closing.signal);
    });
  }

  close(): void {
    this.closing.abort();
  }
}
