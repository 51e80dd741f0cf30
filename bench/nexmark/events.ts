/**
 * The events of Nexmark: people who come to an auction house, auctions that they open, and bids.
 */
import { t, type Infer } from 'millrace';

export const Person = t.struct({
  id: t.integer,
  name: t.string,
  emailAddress: t.string,
  creditCard: t.string,
  city: t.string,
  state: t.string,
  dateTime: t.timestamp,
  extra: t.string,
});
export type Person = Infer<typeof Person>;

export const Auction = t.struct({
  id: t.integer,
  itemName: t.string,
  description: t.string,
  initialBid: t.integer,
  reserve: t.integer,
  dateTime: t.timestamp,
  expires: t.timestamp,
  seller: t.integer,
  category: t.integer,
  extra: t.string,
});
export type Auction = Infer<typeof Auction>;

export const Bid = t.struct({
  auction: t.integer,
  bidder: t.integer,
  price: t.integer,
  channel: t.string,
  url: t.string,
  dateTime: t.timestamp,
  extra: t.string,
});
export type Bid = Infer<typeof Bid>;

/** Exactly one field is there. */
export const Event = t.struct({
  person: t.optional(Person),
  auction: t.optional(Auction),
  bid: t.optional(Bid),
});
export type Event = Infer<typeof Event>;
