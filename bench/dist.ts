/** The built rowferry, which is what users run; typed by the sources, so that checking types needs no build. */

interface Modules {
  index: typeof import('../src/index.js');
  dialect: typeof import('../src/dialect.js');
  'ingest/read': typeof import('../src/ingest/read.js');
  'ingest/ingest': typeof import('../src/ingest/ingest.js');
  'destinations/sendmator': typeof import('../src/destinations/sendmator.js');
  'redis/connection': typeof import('../src/redis/connection.js');
}

export async function importDist<Name extends keyof Modules>(name: Name): Promise<Modules[Name]> {
  return (await import(new URL(`../dist/src/${name}.js`, import.meta.url).href)) as Modules[Name];
}
