/** From an error to what a person reads, and the exit code. */
import { CommanderError } from 'commander';
import { EXIT, RowferryError } from '../errors.js';

/** What the machine may run out of, or not allow. */
const CIRCUMSTANCES = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EMFILE', 'EIO']);

/** Prints what a person needs to know and returns the exit code. */
export function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof RowferryError) {
    process.stderr.write(`rowferry: ${error.message}\n`);
    return error.exitCode;
  }
  const { stack, name, message, code } = error as NodeJS.ErrnoException;
  if (name === 'ReplyError' || (code !== undefined && CIRCUMSTANCES.has(code))) {
    const whose = name === 'ReplyError' ? 'Redis refused a command' : 'The system refused';
    process.stderr.write(
      `rowferry: ${whose}: ${message}. Nothing is lost; mend it, then: rowferry runs resume\n`,
    );
    return EXIT.broke;
  }
  process.stderr.write(
    `rowferry: this should not have happened; please report it.\n${stack ?? String(error)}\n`,
  );
  return EXIT.broke;
}
