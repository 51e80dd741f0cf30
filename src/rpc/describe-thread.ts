/**
 * What the threads of a process do, in words, as dumps of threads show it: of a worker where it is
 * just now, of the main thread, which answers, what it was at in the last moment.
 */
import { isEngineError, toEngineError, type EngineError } from '../base/errors.ts';
import { milliseconds, seconds } from '../base/units.ts';
import type { Clock, Profiler, WorkerHandle } from '../env/env.ts';
import type { ThreadInfo } from '../protocol/process-files.ts';
import type { MainThread } from './main-thread.ts';

/** A dump of threads shows what the others do, too. */
const TIMEOUT = seconds(2);
const LOOK = milliseconds(200);
const FRAMES_MAX = 32;
const BUSY_SHOWN = 3;

export interface SeenThread {
  readonly name: string;
  readonly worker: Pick<WorkerHandle, 'heapUsed' | 'stack'>;
  /** Lines below the rest. */
  readonly more?: readonly string[] | undefined;
}

export async function describeThread(
  main: Pick<MainThread, 'after'>,
  { name, worker, more = [] }: SeenThread,
): Promise<ThreadInfo> {
  const late = Promise.withResolvers<'late'>();
  using _timer = main.after(TIMEOUT, () => late.resolve('late'));
  const heap = await Promise.race([worker.heapUsed(), late.promise]);
  if (heap === undefined) return { name, info: `"${name}" TERMINATED\n` };
  const stack =
    heap === 'late'
      ? heap
      : await Promise.race([worker.stack().catch(toEngineError), late.promise]);
  const lines = [
    ...stackLines(name, stack),
    ...(heap === 'late' ? [] : [`heap used: ${heap} bytes`]),
    ...more,
  ];
  return { name, info: `${lines.join('\n\t')}\n` };
}

function stackLines(
  name: string,
  stack: 'late' | EngineError | readonly string[],
): readonly string[] {
  if (stack === 'late') {
    const reason = 'it collects garbage, or is in a long call of a built-in';
    return [`"${name}" RUNNABLE`, `does not answer within ${TIMEOUT} ms: ${reason}`];
  }
  if (isEngineError(stack))
    return [`"${name}" RUNNABLE`, `its stack is not known: ${stack.message}`];
  if (stack.length === 0) return [`"${name}" WAITING`, 'waits in its event loop'];
  return [`"${name}" RUNNABLE`, ...stack.map((frame) => `at ${frame}`)];
}

/** Of the thread that asks. */
export async function describeMainThread(
  env: { readonly clock: Pick<Clock, 'after'>; readonly profiler: Profiler },
  heapUsed: () => number,
): Promise<ThreadInfo> {
  const name = 'main';
  const heap = `heap used: ${heapUsed()} bytes`;
  let profile: Profile;
  try {
    const recording = await env.profiler.start(milliseconds(1));
    await new Promise<void>((resolve) => {
      env.clock.after(LOOK, resolve);
    });
    profile = JSON.parse(await recording.stop()) as Profile;
  } catch (thrown) {
    const lines = [
      `"${name}" RUNNABLE`,
      `its stack is not known: ${toEngineError(thrown).message}`,
      heap,
    ];
    return { name, info: `${lines.join('\n\t')}\n` };
  }
  const lines = [`"${name}" RUNNABLE`, ...mainLines(profile), heap];
  return { name, info: `${lines.join('\n\t')}\n` };
}

/** The part of a `.cpuprofile` that is read here. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
      readonly columnNumber: number;
    };
    readonly children?: readonly number[] | undefined;
  }[];
  readonly samples?: readonly number[] | undefined;
}

/** How much of the last moment it was idle, and where it was most often else. */
function mainLines({ nodes, samples = [] }: Profile): readonly string[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((c) => [c, id])));
  const counts = new Map<number, number>();
  for (const id of samples) counts.set(id, (counts.get(id) ?? 0) + 1);
  const nameOf = (id: number): string => byId.get(id)?.callFrame.functionName ?? '';
  const all = [...counts].toSorted((left, right) => right[1] - left[1]);
  const idle = all.filter(([id]) => nameOf(id) === '(idle)').reduce((sum, [, n]) => sum + n, 0);
  const busy = all.filter(([id]) => !/^\((?:idle|program|root)\)$/.test(nameOf(id)));
  const share = (count: number): string => `${Math.round((100 * count) / samples.length)} %`;
  const waits = samples.length === 0 ? '' : `: idle for ${share(idle)} of it`;
  const lines = [`seen for ${LOOK} ms${waits}`];
  for (const [id, count] of busy.slice(0, BUSY_SHOWN)) {
    lines.push(`in ${share(count)} of it:`);
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = byId.get(at)!.callFrame;
      if (frame.functionName === '(root)') break;
      const { functionName, url, lineNumber, columnNumber } = frame;
      const place = url === '' ? 'native' : `${url}:${lineNumber + 1}:${columnNumber + 1}`;
      lines.push(`at ${functionName === '' ? '<anonymous>' : functionName} (${place})`);
      if (lines.length > FRAMES_MAX * BUSY_SHOWN) break;
    }
  }
  return lines;
}
