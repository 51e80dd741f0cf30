/** What this thread, or a worker, spends its time on and where it allocates, by V8's profilers. */
import type { Worker } from 'node:worker_threads';
import { messageOf } from '../../base/errors.ts';
import { milliseconds, type Duration } from '../../base/units.ts';
import type { ProfileKind, ProfileRecording, Profiler } from '../env.ts';
import { call, connect, unavailable } from './inspector-session.ts';
import { atSources } from './profile-sources.ts';
import type { CpuProfile } from './profile-sources.ts';
import { findMap } from './source-maps.ts';

/** Of the profiles of workers. */
const INTERVAL = milliseconds(1);

export function nodeProfiler(): Profiler {
  return { start, startHeap };
}

async function start(interval: Duration): Promise<ProfileRecording> {
  const session = connect();
  await call(session, 'Profiler.enable');
  await call(session, 'Profiler.setSamplingInterval', { interval: Math.round(interval * 1000) });
  await call(session, 'Profiler.start');
  return {
    async stop() {
      const { profile } = (await call(session, 'Profiler.stop')) as { profile: CpuProfile };
      session.disconnect();
      return JSON.stringify(atSources(profile, findMap));
    },
  };
}

async function startHeap(): Promise<ProfileRecording> {
  const session = connect();
  await call(session, 'HeapProfiler.startSampling');
  return {
    async stop() {
      const { profile } = (await call(session, 'HeapProfiler.stopSampling')) as { profile: object };
      session.disconnect();
      return JSON.stringify(profile);
    },
  };
}

/** @throws EngineError PROFILER_UNAVAILABLE if it has ended */
export async function profileWorker(worker: Worker, kind: ProfileKind): Promise<ProfileRecording> {
  try {
    const started =
      kind === 'cpu'
        ? await worker.startCpuProfile({ sampleInterval: INTERVAL })
        : await worker.startHeapProfile();
    return {
      async stop() {
        const text = await started.stop().catch((thrown: unknown) => {
          throw unavailable(messageOf(thrown));
        });
        if (kind === 'heap') return text;
        return JSON.stringify(atSources(JSON.parse(text) as CpuProfile, findMap));
      },
    };
  } catch (thrown) {
    throw unavailable(messageOf(thrown));
  }
}
