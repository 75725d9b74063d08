/** `rowferry doctor`: whether this machine, its Redis and its destinations are fit for work, and how to mend what is not. */
import { Command } from 'commander';
import { examine } from '../doctor/examine.js';
import type { Remark } from '../doctor/remark.js';
import { EXIT } from '../errors.js';
import { jsonLine } from './show.js';

export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description(
      'checks Node, configuration, directories, disk, Redis, credentials and clock; sends no contact',
    )
    .option('--json', 'NDJSON on stdout');
  return command.action(async ({ json }: { json?: boolean }) => {
    const { dataDir, config } = command.optsWithGlobals<{ dataDir?: string; config?: string }>();
    const remarks: Remark[] = [];
    await examine({
      dataDir,
      config,
      env: process.env,
      tell(remark) {
        remarks.push(remark);
        process.stdout.write(json ? jsonLine({ event: 'check', ...remark }) : text(remark));
      },
    });
    const count = (level: Remark['level']) => remarks.filter((remark) => remark.level === level).length;
    const [faults, warnings] = [count('fault'), count('warning')];
    process.stdout.write(
      json
        ? jsonLine({ event: 'result', faults, warnings })
        : `\n${said(faults, 'fault')}, ${said(warnings, 'warning')}\n`,
    );
    const noRedis = remarks.some(({ check, level }) => check === 'redis' && level === 'fault');
    process.exitCode = noRedis ? EXIT.noRedis : faults > 0 ? EXIT.usage : EXIT.ok;
  });
}

function text({ level, check, says, mend }: Remark): string {
  const line = `${level.padEnd(8)} ${check.padEnd(12)} ${says}\n`;
  return mend === undefined ? line : `${line}${' '.repeat(22)}→ ${mend}\n`;
}

function said(count: number, what: string): string {
  return `${count === 0 ? 'no' : count} ${what}${count === 1 ? '' : 's'}`;
}
