/** All there is to measure, in the order it is measured. */
import type { Scenario } from '../scenario.js';
import { check } from './check.js';
import { durability } from './durability.js';
import { fairness } from './fairness.js';
import { latency } from './latency.js';
import { pace } from './pace.js';
import { peers } from './peers.js';
import { read } from './read.js';
import { redisCost } from './redis-cost.js';
import { resume } from './resume.js';
import { single } from './single.js';
import { sizes } from './sizes.js';
import { startUp } from './start-up.js';
import { throughput } from './throughput.js';
import { watchers } from './watchers.js';
import { workers } from './workers.js';

export const SCENARIOS: readonly Scenario[] = [
  throughput,
  latency,
  sizes,
  workers,
  durability,
  single,
  startUp,
  redisCost,
  resume,
  pace,
  fairness,
  watchers,
  read,
  check,
  peers,
];
