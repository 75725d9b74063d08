/** Bytes that `work` allocates, those collected meanwhile included: sampled by V8, so repeated runs differ by a few percent. */
import { Session } from 'node:inspector/promises';

const EVERY_BYTES = 4_096;

interface SampledNode {
  selfSize: number;
  children: SampledNode[];
}

export async function allocatedBy(work: () => Promise<unknown>): Promise<number> {
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.startSampling', {
      samplingInterval: EVERY_BYTES,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    await work();
    const { profile } = await session.post('HeapProfiler.stopSampling');
    return bytesUnder(profile.head as SampledNode);
  } finally {
    session.disconnect();
  }
}

function bytesUnder({ selfSize, children }: SampledNode): number {
  return selfSize + children.reduce((sum, child) => sum + bytesUnder(child), 0);
}
