/** The events of one kind as a stream of their own. */
import type { DataStream } from 'millrace';
import { Auction, Bid, Person, type Event } from './events.ts';

export function peopleOf(events: DataStream<Event>): DataStream<Person> {
  return events.flatMap(({ person }) => (person === undefined ? [] : [person])).returns(Person);
}

export function auctionsOf(events: DataStream<Event>): DataStream<Auction> {
  return events.flatMap(({ auction }) => (auction === undefined ? [] : [auction])).returns(Auction);
}

export function bidsOf(events: DataStream<Event>): DataStream<Bid> {
  return events.flatMap(({ bid }) => (bid === undefined ? [] : [bid])).returns(Bid);
}
