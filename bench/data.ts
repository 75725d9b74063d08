/** The CSV every benchmark reads: seeded, so that it is the same file on every machine; no row repeats another. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

const FIRST = ['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Donald', 'Frances', 'Kurt', 'Emmy', 'Sofia'];
const LAST = ['Lovelace', 'Hopper', 'Turing', 'Dijkstra', 'Liskov', 'Knuth', 'Allen', 'Gödel', 'Noether'];
const PLANS = ['free', 'pro', 'team', 'enterprise'];
const TAGS = ['customer', 'newsletter', 'vip', 'trial', 'partner'];
const CITIES = ['Berlin', 'Lyon', 'Porto', 'Graz', 'Oslo', '"Paris, 9e"'];

/** Writes `rows` rows to `path`. About 105 bytes a row. */
export async function writeCsv(path: string, rows: number, seed = 1): Promise<void> {
  const random = mulberry32(seed);
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)]!;
  const file = createWriteStream(path);
  let text = 'email,external_id,first_name,last_name,tags,custom_fields.plan,custom_fields.city\n';
  for (let row = 1; row <= rows; row++) {
    const [first, last] = [pick(FIRST), pick(LAST)];
    const host = `mail${Math.floor(random() * 1000)}.example.com`;
    text += `${first.toLowerCase()}.${row}@${host},CRM-${1_000_000 + row},${first},${last},`;
    text += `"${pick(TAGS)},${pick(TAGS)}",${pick(PLANS)},${pick(CITIES)}\n`;
    if (text.length < 1 << 16) continue;
    if (!file.write(text)) await once(file, 'drain');
    text = '';
  }
  file.end(text);
  await once(file, 'close');
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
