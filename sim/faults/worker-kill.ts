/**
 * A worker ends alone, between two turns or in the middle of one; what it wrote to shared memory
 * may be torn.
 */
import type { ExitReason } from '../../src/env/env.ts';
import { killSoon } from './kill-soon.ts';
import { hits, type FaultClass, type FaultOptions } from './fault.ts';

const REASONS: readonly ExitReason[] = [
  { kind: 'terminated' },
  { kind: 'out-of-memory' },
  { kind: 'failed', message: 'injected fault', stack: undefined },
];

export function workerKill(options: FaultOptions): FaultClass {
  return {
    name: 'worker-kill',
    everyMillis: options.everyMillis,
    strike: (world) => {
      const { random } = world;
      const workers = world.hosts
        .flatMap((host) => [...host.processes])
        .flatMap((process) => [...process.threads].map((thread) => ({ process, thread })))
        .filter(({ process, thread }) => thread !== process.main && hits(options, thread.name));
      if (workers.length === 0) return undefined;
      const { process, thread } = random.pick(workers);
      const reason = random.pick(REASONS);
      killSoon(world, process, thread, () => thread.end(reason, 'kill'));
      return { what: `${thread.name} ${reason.kind}` };
    },
  };
}
