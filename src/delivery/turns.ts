/** In what order rows that wait are sent: runs to one account take turns, row by row. */

interface Waiting {
  hold: { claim: { run: string } };
}

/** `items` so that their runs take turns; those of one run stay in their order. */
export function inTurns<Item extends Waiting>(items: readonly Item[]): Item[] {
  const byRun = new Map<string, Item[]>();
  for (const item of items) {
    const { run } = item.hold.claim;
    const own = byRun.get(run);
    if (own) own.push(item);
    else byRun.set(run, [item]);
  }
  const lines = [...byRun.values()];
  const ordered: Item[] = [];
  for (let turn = 0; ordered.length < items.length; turn++) {
    for (const line of lines) if (turn < line.length) ordered.push(line[turn]!);
  }
  return ordered;
}
