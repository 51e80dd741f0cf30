/**
 * The streams of the Nexmark jobs: events from the generator, or from a file of JSON lines that has
 * them, and those of one kind as a stream of their own under a name of its own in checkpoints.
 */
import {
  t,
  type DataStream,
  type Infer,
  type Schema,
  type StreamEnvironment,
  type Timestamp,
} from 'millrace';
import { files } from 'millrace/connectors/files';
import { json } from 'millrace/formats';
import { Auction, Bid, Event, Person } from './events.ts';
import { NexmarkGenerator, type NexmarkOptions } from './generator.ts';
import { nexmarkBids, nexmarkEvents, type NexmarkSourceOptions } from './source.ts';

export interface NexmarkInput extends NexmarkSourceOptions {
  /** A file with the events; the generator makes them where it is ''. */
  readonly input: string;
}

/** Whether the watermarks of the source are needed. */
export type Time = 'event time' | 'no event time';

export function events(
  env: StreamEnvironment,
  nexmark: NexmarkInput,
  time: Time,
): DataStream<Event> {
  if (nexmark.input === '') {
    return env.from(
      nexmarkEvents(nexmark),
      time === 'event time' ? outOfOrder(nexmark) : undefined,
    );
  }
  return env.from(
    files.source({ path: nexmark.input, format: json(Event) }),
    time === 'event time' ? { ...outOfOrder(nexmark), timestamp: timeOf } : undefined,
  );
}

/** The bids of all events; from a file only those fields are read that `shape` has. */
export function bids<T extends Partial<Bid>>(
  env: StreamEnvironment,
  nexmark: NexmarkInput,
  { shape, time }: { readonly shape: Schema<T>; readonly time: Time },
): DataStream<T> {
  if (nexmark.input === '') {
    const strategy = time === 'event time' ? outOfOrder(nexmark) : undefined;
    // Bids with more fields than are asked for.
    return env.from(nexmarkBids(nexmark), strategy) as unknown as DataStream<T>;
  }
  const Line = t.struct({ bid: t.optional(shape) });
  const read = env
    .from(files.source({ path: nexmark.input, format: json(Line) }))
    .flatMap(({ bid }: Infer<typeof Line>) => (bid === undefined ? [] : [bid]))
    .uid('bids')
    .returns(shape);
  if (time === 'no event time') return read;
  return read.assignTimestamps({
    ...outOfOrder(nexmark),
    timestamp: ({ dateTime }) => dateTime as Timestamp,
  });
}

export function peopleOf(events: DataStream<Event>): DataStream<Person> {
  return events
    .flatMap(({ person }) => (person === undefined ? [] : [person]))
    .uid('people')
    .returns(Person);
}

export function auctionsOf(events: DataStream<Event>): DataStream<Auction> {
  return events
    .flatMap(({ auction }) => (auction === undefined ? [] : [auction]))
    .uid('auctions')
    .returns(Auction);
}

export function bidsOf(events: DataStream<Event>): DataStream<Bid> {
  return events
    .flatMap(({ bid }) => (bid === undefined ? [] : [bid]))
    .uid('bids')
    .returns(Bid);
}

function outOfOrder(options: NexmarkOptions) {
  return { outOfOrder: new NexmarkGenerator(options).outOfOrder };
}

function timeOf({ bid, auction, person }: Event): Timestamp {
  return (bid ?? auction ?? person)!.dateTime;
}
