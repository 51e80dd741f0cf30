/** What `sinkTo` returns: the end of a stream, to name and place it. */
import type { StreamHandle } from './job-builder.ts';
import { OperatorSettings } from './operator-settings.ts';

/** @example orders.sinkTo(discard()).name('nothing').setParallelism(1) */
export class DataStreamSink extends OperatorSettings {
  /** Known to the compiler only, so that a stream is not taken for its end. */
  declare protected readonly end: true;
  readonly #committer: StreamHandle | undefined;

  constructor(stream: StreamHandle, committer?: StreamHandle) {
    super(stream);
    this.#committer = committer;
  }

  /** A global committer is found again by the same uid and `: Global Committer` behind it. */
  override uid(uid: string): this {
    super.uid(uid);
    const committer = this.#committer;
    committer?.builder.change(committer.id, { uid: `${uid}: Global Committer` }, 'uid');
    return this;
  }
}
