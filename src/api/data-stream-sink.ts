/** What `sinkTo` returns: the end of a stream, to name and place it. */
import { OperatorSettings } from './operator-settings.ts';

/** @example orders.sinkTo(discard()).name('nothing').setParallelism(1) */
export class DataStreamSink extends OperatorSettings {
  /** Known to the compiler only, so that a stream is not taken for its end. */
  declare protected readonly end: true;
}
