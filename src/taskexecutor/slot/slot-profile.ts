/**
 * The CPU profile of a slot, from the deployment of its tasks until they have ended or its time is
 * over. Nothing about it fails a task: what goes wrong is told in place of the file.
 *
 * Invariants
 * F1. It is written at most once, and told once.
 * F2. The end of the last task of the slot is told after the profile: then the thread is ended.
 */
import { toEngineError } from '../../base/errors.ts';
import { milliseconds, type Duration } from '../../base/units.ts';
import type { Env, ProfileRecording } from '../../env/env.ts';
import type { ProfileNotice } from '../../functions/client-message.ts';
import type { SlotLocation } from '../../protocol/task-deployment.ts';

const SAMPLING_INTERVAL = milliseconds(1);

export interface SlotProfileOptions {
  readonly env: Pick<Env, 'clock' | 'disk' | 'log' | 'profiler'>;
  readonly folder: string;
  readonly duration: Duration;
  readonly jobId: string;
  readonly jobName: string;
  readonly location: Omit<SlotLocation, 'dataPort'>;
  /** Tells whoever runs the job, if anybody listens. */
  readonly tell: (notice: ProfileNotice) => void;
}

export class SlotProfile {
  readonly #options: SlotProfileOptions;
  readonly #recording: Promise<ProfileRecording>;
  readonly #timer: Disposable;
  #ended: Promise<void> | undefined;

  /** Begins. */
  constructor(options: SlotProfileOptions) {
    const { env, duration } = options;
    this.#options = options;
    this.#recording = env.profiler.start(SAMPLING_INTERVAL);
    // Why it could not be started is said at its end.
    this.#recording.catch(() => undefined);
    this.#timer = env.clock.after(duration, () => void this.end());
  }

  /** F1. Resolves once it is written and told. */
  end(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    const { env, folder, location, tell } = this.#options;
    const { taskExecutorId: taskManager, slot, generation } = location;
    this.#timer[Symbol.dispose]();
    const name = this.#fileName();
    const where = { taskManager, slot, generation, name };
    try {
      const recording = await this.#recording;
      const path = env.disk.resolve(`${folder}/${name}`);
      await this.#write(path, await recording.stop());
      env.log.write('info', 'CPU profile written', { path });
      tell({ ...where, path });
    } catch (thrown) {
      const { message } = toEngineError(thrown);
      env.log.write('warn', 'There is no CPU profile', { slot, reason: message });
      tell({ ...where, problem: message });
    }
  }

  async #write(path: string, text: string): Promise<void> {
    const { disk } = this.#options.env;
    await disk.makeDirectory(this.#options.folder);
    const file = await disk.open(path, 'write');
    try {
      await file.write(new TextEncoder().encode(text), 0);
    } finally {
      await file.close();
    }
  }

  /** For people; told apart by job, TaskManager, slot, and how often the slot was deployed. */
  #fileName(): string {
    const { jobId, jobName, location } = this.#options;
    const { taskExecutorId, slot, generation } = location;
    const job = `${jobName}-${jobId.slice(0, 8)}`;
    const again = generation === 1 ? '' : `-${generation}`;
    const name = `${job}-${taskExecutorId}-slot-${slot}${again}`;
    return `${name.replaceAll(/[^\w.-]+/g, '-')}.cpuprofile`;
  }
}
