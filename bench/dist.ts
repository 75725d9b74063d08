/** The built rowferry, which is what users run; typed by the sources, so that checking types needs no build. */

interface Modules {
  index: typeof import('../src/index.js');
  clock: typeof import('../src/clock.js');
  dialect: typeof import('../src/dialect.js');
  'ingest/read': typeof import('../src/ingest/read.js');
  'ingest/ingest': typeof import('../src/ingest/ingest.js');
  'delivery/connection': typeof import('../src/delivery/connection.js');
  'delivery/pace': typeof import('../src/delivery/pace.js');
  'destinations/sendmator': typeof import('../src/destinations/sendmator.js');
  'outcomes/settle': typeof import('../src/outcomes/settle.js');
  'outcomes/tail': typeof import('../src/outcomes/tail.js');
  'queues/batches': typeof import('../src/queues/batches.js');
  'redis/apt': typeof import('../src/redis/apt.js');
  'redis/connection': typeof import('../src/redis/connection.js');
  'redis/provision': typeof import('../src/redis/provision.js');
  'redis/scripts': typeof import('../src/redis/scripts.js');
}

export async function importDist<Name extends keyof Modules>(name: Name): Promise<Modules[Name]> {
  return (await import(new URL(`../dist/src/${name}.js`, import.meta.url).href)) as Modules[Name];
}
