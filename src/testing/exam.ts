/**
 * The exam that every destination sits. It needs no test runner:
 *
 *     await testDestination(destination, fixtures);
 *
 * and shows each case as a test of its own in one that has `test(name, run)`:
 *
 *     for (const { name, run } of examCases(destination, fixtures)) test(name, run);
 */
import type { Destination } from '../destinations/destination.js';
import { RowferryError } from '../errors.js';
import { accountCases } from './account.js';
import { bulkCases } from './bulk.js';
import { Candidate } from './candidate.js';
import { contractCase, fixturesCase } from './complete.js';
import { contactCases } from './contact.js';
import { createCases } from './create.js';
import type { Fixtures } from './fixtures.js';
import { identityCases } from './identity.js';
import { lookupCases } from './lookup.js';
import { purityCases } from './purity.js';
import { updateCases } from './update.js';

export interface ExamCase {
  name: string;
  /** Why the case does not concern this destination; its `run` then does nothing. */
  skipped?: string;
  /** Rejects with one sentence: what was expected, what came, what to mend. */
  run(): Promise<void>;
}

export interface ExamResult {
  name: string;
  ok: boolean;
  /** What was expected, what came, and what to mend in the destination. */
  problem?: string;
  skipped?: string;
}

/** Thrown when a destination fails; its message lists every problem. */
export class ExamFailed extends RowferryError {
  override name = 'ExamFailed';

  constructor(
    kind: string,
    readonly results: readonly ExamResult[],
  ) {
    const failed = results.filter(({ ok }) => !ok);
    const list = failed.map(({ name, problem }) => `- ${name}: ${problem}`).join('\n');
    super('EXAM_FAILED', `${kind} fails ${failed.length} of ${results.length} cases:\n${list}`);
  }
}

/** The cases `destination` sits. Each makes its own server and client on loopback, and leaves nothing behind. */
export function examCases(destination: Destination, fixtures: Fixtures): ExamCase[] {
  const incomplete = contractCase(destination) ?? fixturesCase(fixtures);
  if (incomplete !== undefined) return [incomplete];
  const candidate = new Candidate(destination, fixtures);
  const cases = [
    ...accountCases(candidate),
    ...contactCases(candidate),
    ...identityCases(candidate),
    ...createCases(candidate),
    ...lookupCases(candidate),
    ...updateCases(candidate),
    ...bulkCases(candidate),
    ...purityCases(candidate),
  ];
  // Whatever goes wrong in a case is its rejection.
  return cases.map(({ run, ...rest }) => ({ ...rest, run: async () => run() }));
}

/** Runs every case, one after the other. Resolves with their results; rejects with {@link ExamFailed} if one failed. */
export async function testDestination(destination: Destination, fixtures: Fixtures): Promise<ExamResult[]> {
  const results: ExamResult[] = [];
  for (const { name, skipped, run } of examCases(destination, fixtures)) {
    if (skipped !== undefined) {
      results.push({ name, ok: true, skipped });
      continue;
    }
    try {
      await run();
      results.push({ name, ok: true });
    } catch (error) {
      results.push({ name, ok: false, problem: (error as Error).message });
    }
  }
  if (results.some(({ ok }) => !ok)) throw new ExamFailed(destination.kind, results);
  return results;
}
