/** `rowferry schedules`: what the syncs of rowferry.yaml do next, and did last. */
import { Command } from 'commander';
import type { ScheduleView } from '../index.js';
import { withRowferry } from './options.js';
import { columns, jsonLine, moment } from './show.js';

export function schedulesCommand(): Command {
  const command = new Command('schedules')
    .description('the syncs, those that run by themselves and those run by hand: next and last runs')
    .option('--json', 'NDJSON on stdout');
  return command.action(async ({ json }: { json?: boolean }) => {
    await withRowferry(command, async (rowferry) => {
      const views = await rowferry.schedules();
      if (json) for (const view of views) process.stdout.write(jsonLine(view));
      else process.stdout.write(views.length === 0 ? 'No sync has a source.\n' : schedulesText(views));
    });
  });
}

export function schedulesText(views: readonly ScheduleView[]): string {
  const rows = views.map(({ sync, cron, timezone, next, last }) => [
    sync,
    cron ? `${cron} ${timezone}` : 'by hand',
    next ? moment(next) : cron ? 'never' : '-',
    last ? moment(last.at) : '-',
    last?.run ? `${last.run} ${last.state}` : '-',
  ]);
  const skips = views.flatMap(({ sync, skipped }) =>
    skipped ? [`${sync} was skipped at ${moment(skipped.at)}: ${skipped.why}\n`] : [],
  );
  return columns([['SYNC', 'CRON', 'NEXT', 'LAST', 'RUN'], ...rows]) + skips.join('');
}
