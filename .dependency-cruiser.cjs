/**
 * The house rules: imports go downward only.
 *   nouns → redis, queues, destinations, sources, config, outcomes → triggers, ingest, delivery, report, notices → runner → index → cli → workers
 *   delivery → testing: the exam for destinations, which nothing of the product imports
 * Stages of one rank do not import each other; they meet in Redis.
 */
const NOUNS = '^src/[^/]+\\.ts$';
/** The library: above the runner, below the command line. */
const INDEX = '^src/(index|rowferry|work|intake|service|check|preview)\\.ts$';
const FOUNDATIONS = '^src/(redis|queues|destinations|sources|outcomes|config)/';
const STAGES = '^src/(triggers|ingest|delivery|report|notices)/';
const TESTING = '^src/testing/';
const RUNNER = '^src/runner/';
const SURFACES = '^src/(cli|dashboard|doctor)/';
const SANDBOX = '^src/sandbox/';
const WORKERS = '^workers/';

const upward = (name, from, ...to) => ({
  name,
  severity: 'error',
  from: { path: from, pathNot: INDEX },
  to: { path: to.join('|') },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    upward('nouns-import-nouns-only', NOUNS, FOUNDATIONS, STAGES, RUNNER, SURFACES, SANDBOX, WORKERS, INDEX),
    upward('foundations-below-stages', FOUNDATIONS, STAGES, RUNNER, SURFACES, SANDBOX, WORKERS, INDEX),
    upward('stages-below-runner', STAGES, RUNNER, SURFACES, SANDBOX, WORKERS, INDEX),
    upward('runner-below-index', RUNNER, SURFACES, SANDBOX, WORKERS, INDEX),
    upward('surfaces-below-workers', SURFACES, WORKERS),
    {
      name: 'stages-do-not-import-each-other',
      severity: 'error',
      from: { path: '^src/(triggers|ingest|delivery|report|notices)/' },
      to: { path: STAGES, pathNot: '^src/$1/' },
    },
    upward('testing-above-stages-only', TESTING, RUNNER, SURFACES, SANDBOX, WORKERS, INDEX),
    {
      name: 'nothing-imports-testing',
      severity: 'error',
      from: { path: '^(src|workers)/', pathNot: TESTING },
      to: { path: TESTING },
    },
    {
      name: 'index-below-surfaces',
      severity: 'error',
      from: { path: INDEX },
      to: { path: [SURFACES, SANDBOX, WORKERS].join('|') },
    },
    {
      name: 'sandbox-imports-nothing-of-ours',
      severity: 'error',
      from: { path: SANDBOX },
      to: { path: '^(src|workers)/', pathNot: SANDBOX },
    },
    {
      name: 'only-queues-know-bullmq',
      severity: 'error',
      from: { pathNot: '^src/queues/' },
      to: { path: 'node_modules/bullmq' },
    },
    {
      name: 'no-undeclared-packages',
      severity: 'error',
      from: {},
      // An optional peer is a dev dependency, too, for its tests.
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], dependencyTypesNot: ['npm-peer'] },
    },
    { name: 'nothing-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
