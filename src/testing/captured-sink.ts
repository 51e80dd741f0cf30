/** A sink that keeps what it gets, in the place of one of the job's. */
import type { Timestamp } from '../base/units.ts';
import type { AnySink } from '../functions/sink.ts';
import { ExchangeVerifier, freezeDeep } from '../network/exchange-verifier.ts';

/** A record as it came out of the job. */
export interface OutputRecord<T = unknown> {
  readonly value: T;
  /** Its event time, if it has one. */
  readonly timestamp: Timestamp | undefined;
  /** Of the sink. */
  readonly subtask: number;
}

export class CapturedSink {
  /** In the order in which they came, of all subtasks. */
  readonly records: OutputRecord[] = [];

  /**
   * Takes what the original takes, by its schema. A sink without one takes anything, so that its
   * records are only frozen. `producer` is who is named where a record does not fit.
   */
  inPlaceOf(original: AnySink, producer: string): AnySink {
    const { name, accepts } = original;
    const verifier =
      accepts === undefined ? undefined : new ExchangeVerifier(accepts.codec, producer, 'all');
    return {
      kind: 'sink',
      name,
      accepts,
      createWriter: ({ subtask }) => ({
        write: (value, { timestamp }) => {
          if (verifier === undefined) freezeDeep(value, 'plain data');
          else verifier.verify(value);
          this.records.push({ value, timestamp, subtask });
        },
        flush: () => undefined,
        close: () => undefined,
      }),
    };
  }
}
