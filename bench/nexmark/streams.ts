/**
 * The events of one kind as a stream of their own, under a name of its own in checkpoints.
 */
import type { DataStream } from 'millrace';
import { Auction, Bid, Person, type Event } from './events.ts';

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
