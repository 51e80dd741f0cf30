/** What the Nexmark jobs have in common: their parameters, and where their results go. */
import {
  discard,
  param,
  t,
  type CollectedStream,
  type DataStream,
  type DataStreamSink,
  type JobParameter,
  type Schema,
} from 'millrace';
import { files } from 'millrace/connectors/files';
import { json } from 'millrace/formats';

/** Not an interface: those may have more fields than they say. */
type NexmarkParameters = {
  readonly events: JobParameter<number, number>;
  readonly seed: JobParameter<number, number>;
  readonly eventsPerSecond: JobParameter<number, number>;
  readonly outOfOrderGroup: JobParameter<number, number>;
  readonly ratePerSecond: JobParameter<number, number>;
  readonly input: JobParameter<string, string>;
  readonly results: JobParameter<Destination, Destination>;
  readonly output: JobParameter<string, string>;
};

type Destination = 'discard' | 'collect' | 'files';

export const nexmarkParameters: NexmarkParameters = {
  events: param(t.integer, 10_000_000, 'how many events'),
  seed: param(t.integer, 1, 'of what is random in the events'),
  eventsPerSecond: param(t.float64, 10_000, 'by which event time advances'),
  outOfOrderGroup: param(t.integer, 1, 'events come out of order within groups of so many'),
  ratePerSecond: param(t.integer, 0, 'events a second by the clock; 0: as fast as they are taken'),
  input: param(t.string, '', 'a file of these events, as JSON lines, in place of the generator'),
  results: param(
    t.enum('discard', 'collect', 'files'),
    'discard',
    'collect: for the program that executes; files: JSON lines in the folder `output`',
  ),
  output: param(t.string, 'out/nexmark', 'a folder, which is replaced'),
};

export interface Results {
  readonly results: Destination;
  readonly output: string;
}

/** The end of a job. */
export function finish<T>(
  rows: DataStream<T>,
  schema: Schema<T>,
  { results, output }: Results,
): CollectedStream<T> | DataStreamSink {
  if (results === 'collect') return rows.collect();
  if (results === 'discard') return rows.sinkTo(discard());
  return rows.sinkTo(files.sink({ path: output, format: json(schema), onExisting: 'replace' }));
}
