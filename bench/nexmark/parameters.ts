/** What the Nexmark jobs have in common: their parameters, and where their results go. */
import {
  discard,
  param,
  t,
  type CollectedStream,
  type DataStream,
  type DataStreamSink,
  type JobParameter,
  type WatermarkStrategy,
} from 'millrace';
import { NexmarkGenerator, type NexmarkOptions } from './generator.ts';

/** Not an interface: those may have more fields than they say. */
type NexmarkParameters = {
  readonly events: JobParameter<number, number>;
  readonly seed: JobParameter<number, number>;
  readonly eventsPerSecond: JobParameter<number, number>;
  readonly outOfOrderGroup: JobParameter<number, number>;
  readonly results: JobParameter<Destination, Destination>;
};

type Destination = 'discard' | 'collect';

export const nexmarkParameters: NexmarkParameters = {
  events: param(t.integer, 10_000_000, 'how many events'),
  seed: param(t.integer, 1, 'of what is random in the events'),
  eventsPerSecond: param(t.float64, 10_000, 'by which event time advances'),
  outOfOrderGroup: param(t.integer, 1, 'events come out of order within groups of so many'),
  results: param(t.enum('discard', 'collect'), 'discard', 'collect: for the program that executes'),
};

/** Event time is that of the source. */
export function eventTime(options: NexmarkOptions): WatermarkStrategy<unknown> {
  return { outOfOrder: new NexmarkGenerator(options).outOfOrder };
}

/** The end of a job. */
export function finish<T>(
  rows: DataStream<T>,
  results: Destination,
): CollectedStream<T> | DataStreamSink {
  return results === 'collect' ? rows.collect() : rows.sinkTo(discard());
}
