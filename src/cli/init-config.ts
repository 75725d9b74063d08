/** The text of a first `rowferry.yaml`. */
import { relative, resolve } from 'node:path';
import { Document } from 'yaml';
import { findDestination, readOptions } from '../destinations/registry.js';
import type { Answers } from './init-answers.js';

/** `base`: the directory of the file, to which its paths are relative. No secret is in it: it names variables. */
export function configText({ file, to, sync, mapping }: Answers, base: string): string {
  const destination = findDestination(to);
  const variables = Object.fromEntries(
    readOptions(destination, {}).faults.map(({ key, setBy }) => [key, `\${${setBy}}`]),
  );
  const { map = {}, ...rest } = mapping;
  const document = new Document({
    destinations: { [to]: { kind: to, ...variables } },
    syncs: {
      [sync]: {
        source: relative(base, resolve(file)),
        to,
        ...(Object.keys(map).length === 0 ? {} : { map }),
        ...rest,
      },
    },
  });
  document.commentBefore = ` Written by "rowferry init". Keys come from the environment or .env: ${Object.values(destination.env).join(', ')}.\n "rowferry config check" tells what is wrong with this file.`;
  return document.toString({ lineWidth: 100 });
}
