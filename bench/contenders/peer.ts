/** Packages that are no dependencies of the project: installed by the benchmark into a folder of its own. */
import { createRequire } from 'node:module';
import { join } from 'node:path';

export interface Database {
  /** Connection string. */
  url: string;
  /** Folder with a `node_modules`. */
  modules: string;
}

export function importPeer<Module>({ modules }: Database, name: string): Module {
  return createRequire(join(modules, 'package.json'))(name) as Module;
}
