/**
 * Nexmark's events, each a pure function of its number and the seed: of every 50 the first is a
 * person, the next three are auctions, the others bids. Ids are dense, so that an event knows which
 * people and auctions there are without having seen them; ids a few ahead of the newest occur too.
 * Distributions and their parameters are Nexmark's defaults.
 */
import { milliseconds, type Duration, type Timestamp } from 'millrace';
import { Draws } from './draws.ts';
import type { Auction, Bid, Event, Person } from './events.ts';

export interface NexmarkOptions {
  /** How many events in all, of the three kinds together. */
  readonly events: number;
  readonly seed?: number | undefined;
  /** By which event time advances: 10,000. */
  readonly eventsPerSecond?: number | undefined;
  /** Events come out of order within groups of so many: 1. Not a multiple of 953. */
  readonly outOfOrderGroup?: number | undefined;
}

export type Kind = 'person' | 'auction' | 'bid';

/** 2015-07-15T00:00:00Z, the time of the first event. */
const FIRST_TIME = 1_436_918_400_000;
const DEFAULT_RATE = 10_000;
const DEFAULT_SEED = 1;

const PEOPLE = 1;
const AUCTIONS = 3;
const BIDS = 46;
const ROUND = PEOPLE + AUCTIONS + BIDS;

const FIRST_PERSON = 1000;
const FIRST_AUCTION = 1000;
const FIRST_CATEGORY = 10;
const CATEGORIES = 5;
/** Those who bid and sell are among the newest so many, or the next few. */
const ACTIVE_PEOPLE = 1000;
const LEAD = 10;
const AUCTIONS_IN_FLIGHT = 100;
/** Until as many auctions have come. */
const EVENTS_AHEAD = Math.floor((AUCTIONS_IN_FLIGHT * ROUND) / AUCTIONS);
/** Of so many people or auctions one is hot. */
const HOT_OF = 100;
/** All but one of so many go to hot ones. */
const HOT_AUCTIONS = 2;
const HOT_BIDDERS = 4;
const HOT_SELLERS = 4;
const HOT_CHANNELS = 2;
const CHANNELS = 10_000;

const PERSON_BYTES = 200;
const AUCTION_BYTES = 500;
const BID_BYTES = 100;
/** Of a bid's four numbers. */
const BID_NUMBERS_BYTES = 32;
/** A prime: makes a permutation of a group of events. */
const STRIDE = 953;

const STATES = 'AZ CA ID OR WA WY'.split(' ');
const CITIES =
  'Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne'.split(',');
const FIRST_NAMES = 'Peter Paul Luke John Saul Vicky Kate Julie Sarah Deiter Walter'.split(' ');
const LAST_NAMES = 'Shultz Abrams Spencer White Bartels Walton Smith Jones Noris'.split(' ');
const POPULAR = ['Google', 'Facebook', 'Baidu', 'Apple'];

/**
 * @example
 * const nexmark = new NexmarkGenerator({ events: 100_000 });
 * for (const { bid } of nexmark.events()) if (bid !== undefined) prices.push(bid.price);
 */
export class NexmarkGenerator {
  readonly count: number;
  /** How far back in time an event may lie behind one that came before it. */
  readonly outOfOrder: Duration;
  /** No auction is open for longer. */
  readonly longestAuction: Duration;
  readonly #draws: Draws;
  readonly #rate: number;
  readonly #group: number;
  readonly #popularUrls: readonly string[];
  readonly #channels: readonly string[];
  readonly #urls: readonly string[];

  constructor(options: NexmarkOptions) {
    const { events, seed = DEFAULT_SEED } = options;
    const { eventsPerSecond = DEFAULT_RATE, outOfOrderGroup = 1 } = options;
    requireWhole('events', events, 0);
    requireWhole('outOfOrderGroup', outOfOrderGroup, 1);
    if (outOfOrderGroup % STRIDE === 0) throw new Error(`groups are no multiple of ${STRIDE}`);
    if (!(eventsPerSecond > 0)) throw new Error('eventsPerSecond is above 0');
    this.count = events;
    this.outOfOrder = milliseconds(
      outOfOrderGroup === 1 ? 0 : Math.ceil((outOfOrderGroup * 1000) / eventsPerSecond),
    );
    this.#rate = eventsPerSecond;
    this.longestAuction = milliseconds(2 * Math.ceil((EVENTS_AHEAD * 1000) / eventsPerSecond));
    this.#group = outOfOrderGroup;
    const draws = new Draws(seed);
    this.#draws = draws;
    this.#popularUrls = POPULAR.map(() => baseUrl(draws));
    this.#channels = Array.from({ length: CHANNELS }, (_, i) => `channel-${i}`);
    this.#urls = this.#channels.map((_, i) => {
      const url = baseUrl(draws);
      return draws.mostly(10) ? `${url}&channel_id=${reversed(i)}` : url;
    });
  }

  /** The events in the order in which they come. */
  *events(): Generator<Event> {
    for (let index = 0; index < this.count; index += 1) {
      const number = this.numberAt(index);
      const kind = kindOf(number);
      if (kind === 'bid') yield { bid: this.bid(number) };
      else if (kind === 'auction') yield { auction: this.auction(number) };
      else yield { person: this.person(number) };
    }
  }

  /** Which event comes as the `index`th. */
  numberAt(index: number): number {
    const group = this.#group;
    if (group === 1) return index;
    return Math.floor(index / group) * group + ((index * STRIDE) % group);
  }

  /** Of event `number`, which must be a bid. */
  bid(number: number): Bid {
    const draws = this.#draws;
    draws.begin(number);
    const newest = newestAuction(number);
    const auction = draws.mostly(HOT_AUCTIONS)
      ? newest - (newest % HOT_OF)
      : this.#auctionInFlight(newest);
    const person = newestPerson(number);
    // The second of its hundred, so that hot bidders are not hot sellers.
    const bidder = draws.mostly(HOT_BIDDERS)
      ? person - (person % HOT_OF) + 1
      : this.#activePerson(person);
    const price = draws.price();
    const popular = draws.mostly(HOT_CHANNELS);
    const channel = draws.below(popular ? POPULAR.length : CHANNELS);
    return {
      auction: FIRST_AUCTION + auction,
      bidder: FIRST_PERSON + bidder,
      price,
      channel: popular ? POPULAR[channel]! : this.#channels[channel]!,
      url: popular ? this.#popularUrls[channel]! : this.#urls[channel]!,
      dateTime: this.timeOf(number),
      extra: draws.filling(BID_NUMBERS_BYTES, BID_BYTES),
    };
  }

  /** Of event `number`, which must be an auction. */
  auction(number: number): Auction {
    const draws = this.#draws;
    draws.begin(number);
    const person = newestPerson(number);
    const seller = draws.mostly(HOT_SELLERS)
      ? person - (person % HOT_OF)
      : this.#activePerson(person);
    const category = FIRST_CATEGORY + draws.below(CATEGORIES);
    const initialBid = draws.price();
    const dateTime = this.timeOf(number);
    const expires = (dateTime + 1 + draws.below(this.#twiceTheMean(number))) as Timestamp;
    const itemName = draws.words(20);
    const description = draws.words(100);
    const reserve = initialBid + draws.price();
    const size = 6 * 8 + itemName.length + description.length;
    return {
      id: FIRST_AUCTION + newestAuction(number),
      itemName,
      description,
      initialBid,
      reserve,
      dateTime,
      expires,
      seller: FIRST_PERSON + seller,
      category,
      extra: draws.filling(size, AUCTION_BYTES),
    };
  }

  /** Of event `number`, which must be a person. */
  person(number: number): Person {
    const draws = this.#draws;
    draws.begin(number);
    const name = `${draws.pick(FIRST_NAMES)} ${draws.pick(LAST_NAMES)}`;
    const emailAddress = `${draws.words(7)}@${draws.words(5)}.com`;
    const digits = (): string => String(draws.below(10_000)).padStart(4, '0');
    const creditCard = `${digits()} ${digits()} ${digits()} ${digits()}`;
    const city = draws.pick(CITIES);
    const state = draws.pick(STATES);
    const texts = name.length + emailAddress.length + creditCard.length + city.length;
    return {
      id: FIRST_PERSON + newestPerson(number),
      name,
      emailAddress,
      creditCard,
      city,
      state,
      dateTime: this.timeOf(number),
      extra: draws.filling(8 + texts + state.length, PERSON_BYTES),
    };
  }

  timeOf(number: number): Timestamp {
    return (FIRST_TIME + Math.floor((number * 1000) / this.#rate)) as Timestamp;
  }

  /** Auctions last as long, on average, as it takes until as many have come as are in flight. */
  #twiceTheMean(number: number): number {
    const horizon = this.timeOf(number + EVENTS_AHEAD) - this.timeOf(number);
    return Math.max(1, 2 * horizon);
  }

  #auctionInFlight(newest: number): number {
    const oldest = Math.max(newest - AUCTIONS_IN_FLIGHT, 0);
    return oldest + this.#draws.below(newest - oldest + 1 + LEAD);
  }

  #activePerson(newest: number): number {
    const active = Math.min(newest + 1, ACTIVE_PEOPLE);
    return newest + 1 - active + this.#draws.below(active + LEAD);
  }
}

export function kindOf(number: number): Kind {
  const place = number % ROUND;
  return place >= PEOPLE + AUCTIONS ? 'bid' : place >= PEOPLE ? 'auction' : 'person';
}

/** The greatest auction, counted from 0, when event `number` comes; its own if it is one. */
function newestAuction(number: number): number {
  const place = number % ROUND;
  const round = (number - place) / ROUND;
  if (place < PEOPLE) return Math.max(0, round * AUCTIONS - 1);
  return round * AUCTIONS + Math.min(place - PEOPLE, AUCTIONS - 1);
}

function newestPerson(number: number): number {
  return Math.floor(number / ROUND);
}

function baseUrl(draws: Draws): string {
  const folder = (): string => draws.letters(5);
  return `https://www.nexmark.com/${folder()}/${folder()}/${folder()}/item.htm?query=1`;
}

/** The bits in the opposite order, so that neighbours have ids far from each other. */
function reversed(word: number): number {
  let out = 0;
  for (let bit = 0; bit < 31; bit += 1) out |= ((word >>> bit) & 1) << (30 - bit);
  return out;
}

function requireWhole(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new Error(`${name} is a whole number of at least ${least}, not ${value}`);
  }
}
