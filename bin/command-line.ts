// The command line in this process: what bin/cli.ts and the processes of a cluster have in common.
import manifest from '../package.json' with { type: 'json' };
import type { Timestamp } from '../src/base/units.ts';
import type { CertificateMaker } from '../src/env/certificate-maker.ts';
import type { Env, Workers } from '../src/env/env.ts';
import type { HttpClient } from '../src/env/http.ts';
import { resolveEngineDirectly } from '../src/env/node/engine-resolution.ts';
import type { NodeLogOptions } from '../src/env/node/log.ts';

/** Commands that are a process of a cluster. */
const PROCESSES: readonly (string | undefined)[] = [
  'jobmanager',
  'taskmanager',
  'supervisor',
  'standalone-job',
];

const MASTERS: readonly (string | undefined)[] = ['jobmanager', 'standalone-job'];

/** Runs `millrace ARGS` and ends the process with its exit code. */
export async function commandLine(args: readonly string[]): Promise<void> {
  // A process that has nothing left to do before the command is done has not succeeded.
  process.exitCode = 1;
  resolveEngineDirectly(new URL('../', import.meta.url).href);
  if (MASTERS.includes(args[0])) keepHeapSmall();
  const { nodeEnv } = await import('../src/env/node/node-env.ts');
  const { entryPoint } = await import('../src/env/node/entry-points.ts');
  const entries = {
    slot: entryPoint('./slot-worker', import.meta.url),
    coordinator: entryPoint('./coordinator-worker', import.meta.url),
    jobmanager: entryPoint('./jobmanager', import.meta.url),
    taskmanager: entryPoint('./taskmanager', import.meta.url),
    supervisor: entryPoint('./supervisor', import.meta.url),
  };
  const env = nodeEnv({ entries, log: logOptions(args) });
  const workers = await workersAhead(env.workers, args);
  const { cli } = await import('../src/client/cli.ts');
  const terminal: Env['terminal'] = { ...env.terminal, args };
  process.exit(
    await cli(
      { ...env, workers, terminal, loadHttp, loadCertificates, utcOffset },
      manifest.version,
    ),
  );
}

/**
 * V8 lets the garbage of a small heap grow to several times what lives before it looks at all of
 * it: that of a thousand jobs. A JobManager, which does little, looks earlier.
 */
function keepHeapSmall(): void {
  process.getBuiltinModule('node:v8').setFlagsFromString('--heap-growing-percent=50');
}

async function loadHttp(): Promise<HttpClient> {
  return (await import('../src/env/node/http-client.ts')).nodeHttpClient();
}

async function loadCertificates(): Promise<CertificateMaker> {
  return (await import('../src/env/node/certificates.ts')).nodeCertificates;
}

function utcOffset(at: Timestamp): number {
  return -new Date(at).getTimezoneOffset();
}

/** Processes of a cluster log for machines unless somebody looks on. */
function logOptions([command, ...args]: readonly string[]): NodeLogOptions {
  const verbose = args.includes('--verbose');
  if (!PROCESSES.includes(command)) {
    return { level: verbose ? 'info' : 'error', format: 'text' };
  }
  const { isatty } = process.getBuiltinModule('node:tty');
  return { level: verbose ? 'debug' : 'info', format: isatty(2) ? 'text' : 'json' };
}

/** The threads of a job load the engine while this one does. */
async function workersAhead(
  workers: Workers,
  [command, ...args]: readonly string[],
): Promise<Workers> {
  const elsewhere = args.some((arg) =>
    /^(?:-h|--help|-m.*|--jobmanager.*|remote|-d|--detached|-sae)$/.test(arg),
  );
  if (elsewhere || (command !== 'run' && command !== 'info')) return workers;
  const { startedAhead } = await import('../src/env/started-ahead.ts');
  const { COORDINATOR_HEAP_MEGABYTES, DEFAULT_SLOT_HEAP_BYTES, heapLimitMegabytes } =
    await import('../src/config/slot-heap.ts');
  const heapLimit = heapLimitMegabytes(DEFAULT_SLOT_HEAP_BYTES);
  const slot = { role: 'slot', heapLimitMegabytes: heapLimit } as const;
  const coordinator = {
    role: 'coordinator',
    heapLimitMegabytes: COORDINATOR_HEAP_MEGABYTES,
  } as const;
  return startedAhead(workers, [coordinator, ...(command === 'run' ? [slot] : [])]);
}
