/** Tags that are probably one, written in several ways. */
import { plain } from './fields.js';

/** More different tags are no tags any more; what comes after them is not looked at. */
const MOST_TAGS = 10_000;
const MOST_EXAMPLES = 3;

export class TagNames {
  private readonly spellings = new Map<string, Set<string>>();
  private size = 0;

  see(tags: unknown): void {
    if (!Array.isArray(tags)) return;
    for (const tag of tags) {
      if (typeof tag !== 'string' || this.size >= MOST_TAGS) continue;
      const name = plain(tag);
      if (name === '') continue;
      const known = this.spellings.get(name);
      if (known?.has(tag)) continue;
      this.size++;
      // A copy: a part of a text keeps all of the piece of the file that it was cut from.
      const copy = Buffer.from(tag).toString();
      if (known) known.add(copy);
      else this.spellings.set(name, new Set([copy]));
    }
  }

  /** Spellings beyond the first of each tag; examples are whole groups: `VIP = vip = V.I.P.` */
  similar(): { count: number; examples: string[] } {
    const groups = [...this.spellings.values()].filter(({ size }) => size > 1);
    return {
      count: groups.reduce((sum, { size }) => sum + size - 1, 0),
      examples: groups.slice(0, MOST_EXAMPLES).map((group) => [...group].slice(0, 4).join(' = ')),
    };
  }
}
