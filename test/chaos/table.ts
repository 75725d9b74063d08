/** What came of a campaign, in words. */
import { INCIDENTS, type IncidentName } from './plan.js';

export interface SeedResult {
  seed: number;
  rows: number;
  /** In one line. */
  plan: string;
  seconds: number;
  /** Fault → how often it was injected. */
  injected: Record<string, number>;
  failure?: string;
}

/** Faults by how often they were injected in seeds that agreed, and what was never, or could not be, injected. */
export function tableOf(results: readonly SeedResult[], without: readonly IncidentName[] = []): string {
  const injected = new Map<string, number>();
  const agreed = results.filter(({ failure }) => failure === undefined);
  for (const result of agreed) {
    for (const [fault, times] of Object.entries(result.injected)) {
      injected.set(fault, (injected.get(fault) ?? 0) + times);
    }
  }
  const rows = agreed.reduce((sum, result) => sum + result.rows, 0);
  const lines = [...injected].sort(([one], [other]) => one.localeCompare(other));
  const never = INCIDENTS.filter((name) => !injected.has(name) && !without.includes(name));
  return [
    `${agreed.length} seeds agreed, ${rows} rows; ${results.length - agreed.length} seeds did not. Injected:`,
    ...lines.map(([fault, times]) => `${String(times).padStart(8)}  ${fault}`),
    ...(never.length > 0 ? [`   never  ${never.join(', ')}`] : []),
    ...(without.length > 0 ? [`LEFT OUT, as this machine does not allow it: ${without.join(', ')}`] : []),
  ].join('\n');
}
