// A job of one subtask that writes by the file sink; the test takes and completes its checkpoints.
import type { Env } from '../../env/env.ts';
import type { SinkWriter, WriteContext } from '../../functions/sink.ts';
import { text } from '../../formats/text/text.ts';
import { FileSystems } from '../../storage/file-systems.ts';
import { commitRequests } from '../../testing/commit-requests.ts';
import { openContext } from '../source-harness.test-kit.ts';
import type { FileCommittable } from './file-committer.ts';
import type { FileWriterState } from './file-writer.ts';
import { fileSink, type FileSink, type FileSinkOptions } from './file-sink.ts';

export const FOLDER = '/data/out';
const AT = {} as WriteContext;

/** What a checkpoint of one subtask holds. */
export interface FileCheckpoint {
  readonly states: readonly FileWriterState[];
  readonly committables: readonly FileCommittable[];
}

export const NOTHING: FileCheckpoint = { states: [], committables: [] };

export interface FileJobOptions {
  readonly env: Env;
  readonly jobId: string;
  readonly options?: Partial<FileSinkOptions<string>>;
  readonly from?: FileCheckpoint;
  readonly isClaimed?: boolean;
  readonly attempt?: number;
}

/** The one subtask of a job. */
export class FileJob {
  readonly #sink: FileSink<string>;
  readonly #context: Parameters<FileSink<string>['createWriter']>[0];
  readonly #writer: SinkWriter<unknown, FileCommittable, FileWriterState>;
  #checkpoint = 0;

  private constructor({
    env,
    jobId,
    options,
    from,
    isClaimed = false,
    attempt = 1,
  }: FileJobOptions) {
    this.#sink = fileSink({ path: FOLDER, format: text(), onExisting: 'append', ...options });
    const restored = { restoredCheckpointId: 1, restoredIsClaimed: isClaimed };
    this.#context = {
      ...{ ...openContext({ attempt }), env, jobId, operatorId: 'sink' },
      sendToClient: () => undefined,
      fileSystem: (uri) => FileSystems.create(env).of(uri),
      ...(from === undefined ? {} : restored),
    };
    const { states } = from ?? NOTHING;
    this.#writer = this.#sink.createWriter(this.#context, { own: states, all: states });
  }

  static async start(options: FileJobOptions): Promise<FileJob> {
    const job = new FileJob(options);
    await job.commit(options.from ?? NOTHING);
    await job.#writer.start!();
    return job;
  }

  write(...records: string[]): void {
    for (const record of records) this.#writer.write(record, AT);
  }

  async checkpoint(purpose: 'checkpoint' | 'savepoint' = 'checkpoint'): Promise<FileCheckpoint> {
    const id = (this.#checkpoint += 1);
    await this.#writer.flush(false, purpose);
    const committables = await this.#writer.prepareCommit!(id);
    return { committables, states: await this.#writer.snapshotState!(id) };
  }

  /** It is complete. */
  async commit({ committables }: FileCheckpoint): Promise<void> {
    await this.#sink.createCommitter!(this.#context).commit(commitRequests(committables));
    if (this.#checkpoint > 0) await this.#writer.committed!(this.#checkpoint);
  }

  async completed(): Promise<FileCheckpoint> {
    const checkpoint = await this.checkpoint();
    await this.commit(checkpoint);
    return checkpoint;
  }

  /** The end of the input; the job has no checkpoint after it. */
  async end(): Promise<FileCheckpoint> {
    await this.#writer.flush(true);
    return { committables: await this.#writer.prepareCommit!(undefined), states: [] };
  }

  async cancel(): Promise<void> {
    await this.#writer.close();
  }
}
