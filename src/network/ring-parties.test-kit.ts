/**
 * The parties of the proof of ring and doorbell (`ring-interleaving.test.ts`): a producer, a
 * consumer, the owner of the memory, ringers and a sleeper, all over the product's own code, its
 * `#` fields opened so that it can be copied, or over a mutant of it.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import type { SharedRegion } from '../env/env.ts';
import type { Party } from './interleaving-party.test-kit.ts';
import type { Scenario } from './interleaving.test-kit.ts';
import { Violation } from './interleaving.test-kit.ts';
import { RING_HEADER_BYTES, RingWord } from './ring-layout.ts';

type Ring = typeof import('./ring.ts');
type Owner = typeof import('./ring-owner.ts');
type Bell = typeof import('./doorbell.ts');
export type Code = Ring & Owner & Bell;
type Producer = import('./ring.ts').RingProducer;
type Consumer = import('./ring.ts').RingConsumer;
type Sleeper = import('./doorbell.ts').Doorbell;

/** A change of one place of the product's source. */
export interface Mutation {
  readonly file: 'ring.ts' | 'ring-owner.ts' | 'doorbell.ts';
  readonly find: string;
  readonly replace: string;
}

export async function loadCode(mutation?: Mutation): Promise<Code> {
  const parts: object[] = [];
  for (const file of ['ring.ts', 'ring-owner.ts', 'doorbell.ts'] as const) {
    let source = readFileSync(new URL(file, import.meta.url), 'utf8');
    if (mutation?.file === file) {
      assert.equal(source.split(mutation.find).length, 2, `not once in ${file}: ${mutation.find}`);
      source = source.replace(mutation.find, () => mutation.replace);
    }
    const opened = stripTypeScriptTypes(source).replaceAll(/#(?=[a-z])/g, '_');
    const linked = opened.replaceAll(/from '(\.[^']*)'/g, (_all, path: string) => {
      return `from '${new URL(path, import.meta.url).href}'`;
    });
    parts.push((await import(`data:text/javascript,${encodeURIComponent(linked)}`)) as object);
  }
  return Object.assign({}, ...parts) as Code;
}

// ------------------------------------------------------------------------------------- the world

const CAPACITY = 64;
const RING = 0;
/** Words of the second region: doorbells, and what the owner of the memory tells the workers. */
const WORDS = 1;
const PRODUCER_BELL = 0;
const CONSUMER_BELL = 1;
const NEXT_GENERATION = 4;
const WORK = 8;
const DEATHS = 16;

export interface FrameScript {
  readonly bytes: number;
  readonly room: 'data' | 'control';
  readonly flush: boolean;
}

/** The byte at `i` of frame `number`: unlike in its neighbours, and never garbage. */
function content(number: number, i: number): number {
  return 1 + ((number * 29 + i * 3) % 80);
}

function violate(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Violation(message);
}

const noop = (): void => {};

const CONSTANTS: ReadonlySet<number> = new Set([
  RingWord.magic,
  RingWord.capacity,
  RingWord.control,
]);

/** What a side does to the words of the ring and to the others. */
function usesOf(side: 'producer' | 'consumer'): Party<object>['uses'] {
  const isProducer = side === 'producer';
  const writes = new Set<number>([RingWord.roomWanted]);
  for (const word of isProducer
    ? [RingWord.producer, RingWord.producerOwner, RingWord.tail]
    : [RingWord.consumer, RingWord.consumerOwner, RingWord.head]) {
    writes.add(word);
  }
  const reads = new Set<number>([
    ...CONSTANTS,
    RingWord.generation,
    ...(isProducer ? [RingWord.consumer, RingWord.head] : [RingWord.producer, RingWord.tail]),
  ]);
  return (region, word) => {
    if (region === WORDS)
      return word <= CONSUMER_BELL ? 'writes' : word === NEXT_GENERATION ? 'reads' : 'none';
    return writes.has(word) ? 'writes' : reads.has(word) ? 'reads' : 'none';
  };
}

interface ProducerData {
  readonly ring: Producer | undefined;
  readonly bell: Sleeper;
  readonly words: SharedRegion;
  next: number;
  needsFlush: boolean;
}

/** Sends `frames`, numbered from `first`, then closes. */
function producer(
  code: Code,
  frames: readonly FrameScript[],
  options: { name: string; generation: number; first: number } & Partial<Party<ProducerData>>,
): Party<ProducerData> {
  const { generation, first } = options;
  return {
    uses: usesOf('producer'),
    begin(regions) {
      const ring = code.RingProducer.attach(regions[RING]!, generation, 1);
      const bell = new code.Doorbell(regions[WORDS]!, PRODUCER_BELL);
      return { ring, bell, words: regions[WORDS]!, next: 0, needsFlush: false };
    },
    call(data) {
      const { ring, bell, words } = data;
      if (bell.isAsleep) return 'idle';
      if (ring === undefined) return 'done';
      if (data.needsFlush) {
        data.needsFlush = false;
        code.ringDoorbell(words, CONSUMER_BELL);
        return 'again';
      }
      const frame = frames[data.next];
      if (frame === undefined) {
        ring.close();
        code.ringDoorbell(words, CONSUMER_BELL);
        return 'done';
      }
      const at = ring.reserve(frame.bytes, frame.room);
      if (at < 0) {
        violate(frame.room === 'data', 'a control frame found no room');
        if (ring.peer !== 'open') return 'done';
        bell.sleep(() => ring.hasRoomAgain || ring.peer !== 'open', noop);
        return 'again';
      }
      for (let i = 0; i < frame.bytes; i += 1) ring.bytes[at + i] = content(first + data.next, i);
      ring.commit(7, first + data.next, frame.bytes);
      data.next += 1;
      data.needsFlush = frame.flush;
      return 'again';
    },
    notified: (data) => notified(data.bell),
    timer: (data) => data.bell.awake(),
    ...options,
  };
}

/** What `wait` calls back: the exploration copies objects, so it has to name the method. */
function notified(bell: Sleeper): void {
  (bell as unknown as { _onNotified(): void })._onNotified();
}

interface ConsumerData {
  ring: Consumer | undefined;
  readonly bell: Sleeper;
  readonly region: SharedRegion;
  readonly words: SharedRegion;
  next: number;
  /** Up to where it read the ring that was lost; -1: it was refused from the start. */
  tail: number;
  end: string;
  generation: number;
}

/**
 * Reads until the end; then, if the end was a death, the next generation, if there is to be one.
 */
function consumer(
  code: Code,
  frames: readonly FrameScript[],
  options: { name: string; hasNext: boolean } & Partial<Party<ConsumerData>>,
): Party<ConsumerData> {
  return {
    uses: usesOf('consumer'),
    begin(regions) {
      const ring = code.RingConsumer.attach(regions[RING]!, 1, 2);
      const bell = new code.Doorbell(regions[WORDS]!, CONSUMER_BELL);
      const end = ring === undefined ? 'lost' : '';
      return {
        ring,
        bell,
        region: regions[RING]!,
        words: regions[WORDS]!,
        next: 0,
        tail: -1,
        end,
        generation: 1,
      };
    },
    call(data) {
      const { ring, bell, words } = data;
      if (bell.isAsleep) return 'idle';
      if (data.end !== '') return follow(code, data, options.hasNext);
      for (let budget = 2; budget > 0; budget -= 1) {
        const frame = ring!.peek();
        if (frame === undefined) break;
        ring!.release();
        const number = data.next + (data.generation - 1) * 100;
        violate(
          frame.kind === 7 && frame.channel === number,
          `frame ${frame.channel}, not ${number}`,
        );
        const length = frame.end - frame.start;
        violate(length === frames[data.next]!.bytes, `frame ${number} has ${length} bytes`);
        for (let i = 0; i < length; i += 1) {
          violate(frame.bytes[frame.start + i] === content(number, i), `frame ${number} is torn`);
        }
        data.next += 1;
      }
      if (ring!.unpublishedBytes > 0) {
        if (ring!.publish()) code.ringDoorbell(words, PRODUCER_BELL);
        return 'again';
      }
      const { peer } = ring!;
      if (peer !== 'open') {
        data.end = peer;
        data.tail = (ring as unknown as { readonly _head: number })._head;
      } else bell.sleep(() => ring!.hasFrame || ring!.peer !== 'open', noop);
      return 'again';
    },
    notified: (data) => notified(data.bell),
    timer: (data) => data.bell.awake(),
    ...options,
  };
}

/** Leaves a ring that has ended; if its producer has died, waits for the next generation. */
function follow(code: Code, data: ConsumerData, hasNext: boolean): 'again' | 'done' {
  if (data.ring !== undefined) {
    data.ring.close();
    data.ring = undefined;
    return 'again';
  }
  if (data.end === 'closed' || !hasNext) return 'done';
  const isAnnounced = (): boolean => data.words.load(NEXT_GENERATION) === 2;
  if (data.bell.sleep(isAnnounced, noop)) return 'again';
  const ring = code.RingConsumer.attach(data.region, 2, 2);
  violate(ring !== undefined, 'the consumer could not attach to the next generation');
  data.ring = ring;
  data.generation = 2;
  data.next = 0;
  data.end = '';
  return 'again';
}

/** The owner of the memory: hears of a death after it. */
function owner(
  code: Code,
  options: { side: 'producer' | 'consumer'; deaths: number; renew: boolean },
): Party<{ readonly regions: readonly SharedRegion[]; at: number }> {
  const survivor = options.side === 'producer' ? CONSUMER_BELL : PRODUCER_BELL;
  return {
    name: 'owner',
    startsWhen: (word) => word(WORDS, options.deaths) === 1,
    uses(region, word) {
      if (region === WORDS) {
        return word === survivor || (options.renew && word === NEXT_GENERATION) ? 'writes' : 'none';
      }
      if (CONSTANTS.has(word)) return 'reads';
      const states: number[] = [RingWord.generation, RingWord.producer, RingWord.consumer];
      return options.renew || states.includes(word) ? 'writes' : 'none';
    },
    begin: (regions) => ({ regions, at: 0 }),
    call(data) {
      const [ring, words] = data.regions;
      if (data.at === 0) code.retireRing(ring!, 1, options.side);
      else if (data.at === 1) code.alarmDoorbell(words!, survivor);
      else if (!options.renew) return 'done';
      else if (data.at === 2) {
        if (!code.renewRing(ring!, 2)) return 'again';
      } else if (data.at === 3) words!.store(NEXT_GENERATION, 2);
      else if (data.at === 4) code.alarmDoorbell(words!, survivor);
      else return 'done';
      data.at += 1;
      return 'again';
    },
  };
}

export const d = (bytes: number, flush = true): FrameScript => ({ bytes, room: 'data', flush });
export const c = (bytes: number, flush = true): FrameScript => ({ bytes, room: 'control', flush });

export interface RingScript {
  readonly frames: readonly FrameScript[];
  readonly controlBytes?: number | undefined;
  readonly kill?: 'producer' | 'consumer' | undefined;
  readonly restart?: boolean | undefined;
  readonly timers?: number | undefined;
}

export function ringScenario(code: Code, script: RingScript): Scenario {
  const { frames, kill, restart = false, timers = 0 } = script;
  const parties: Party<never>[] = [];
  const add = <D extends object>(party: Party<D>): number => parties.push(party as Party<never>);
  add(
    producer(code, frames, {
      name: 'producer',
      generation: 1,
      first: 0,
      killable: kill === 'producer',
      timers,
    }),
  );
  add(
    consumer(code, frames, {
      name: 'consumer',
      hasNext: restart,
      killable: kill === 'consumer',
      timers,
    }),
  );
  const deaths = DEATHS + (kill === 'consumer' ? 1 : 0);
  if (kill !== undefined) add(owner(code, { side: kill, deaths, renew: restart }));
  if (restart) {
    const startsWhen: Party<object>['startsWhen'] = (word) => word(WORDS, NEXT_GENERATION) === 2;
    add(producer(code, frames, { name: 'second', generation: 2, first: 100, startsWhen }));
  }
  return {
    regions: [RING_HEADER_BYTES + CAPACITY, 128],
    prepare([ring]) {
      const size = { capacityBytes: CAPACITY, controlBytes: script.controlBytes ?? 0 };
      code.formatRing(ring!, size, 1);
    },
    parties,
    kills: kill === undefined ? 0 : 1,
    deathWord: (name) => ({ region: WORDS, word: DEATHS + (name === 'consumer' ? 1 : 0) }),
    end({ word, data, dead, idle }) {
      violate(idle.size === 0, `asleep for ever: ${[...idle].join()}`);
      const reader = data.get('consumer') as ConsumerData;
      if (dead.has('consumer')) return;
      if (!dead.has('producer') || reader.generation === 2) {
        violate(reader.end === 'closed', `the end is ${reader.end}`);
        violate(reader.next === frames.length, `${reader.next} of ${frames.length} frames came`);
      } else if (!restart) {
        const isComplete = reader.tail === -1 || reader.tail === word(RING, RingWord.tail);
        violate(isComplete, 'a committed frame was not read');
      } else {
        violate(reader.end === 'closed', 'the next generation was not followed');
      }
    },
  };
}

/** Two ringers, one sleeper, work that is a word each. */
export function bellScenario(code: Code, options: { kills: number; timers: number }): Scenario {
  interface RingerData {
    readonly words: SharedRegion;
    at: number;
  }
  interface SleeperData {
    readonly words: SharedRegion;
    readonly bell: Sleeper;
  }
  const ringer = (index: number): Party<RingerData> => ({
    name: `ringer ${index}`,
    killable: true,
    uses: (_region, word) => (word === 0 || word === WORK + index ? 'writes' : 'none'),
    begin: (regions) => ({ words: regions[0]!, at: 0 }),
    call(data) {
      if (data.at === 0) data.words.store(WORK + index, 1);
      else code.ringDoorbell(data.words, 0);
      data.at += 1;
      return data.at === 2 ? 'done' : 'again';
    },
  });
  const sleeper: Party<SleeperData> = {
    name: 'sleeper',
    timers: options.timers,
    uses: () => 'writes',
    begin: (regions) => ({ words: regions[0]!, bell: new code.Doorbell(regions[0]!, 0) }),
    call({ words, bell }) {
      if (bell.isAsleep) return 'idle';
      if (words.exchange(WORK, 0) === 1 || words.exchange(WORK + 1, 0) === 1) return 'again';
      bell.sleep(() => words.load(WORK) === 1 || words.load(WORK + 1) === 1, noop);
      return 'again';
    },
    notified: (data) => notified(data.bell),
    timer: (data) => data.bell.awake(),
  };
  const supervisor: Party<{ readonly words: SharedRegion; at: number }> = {
    name: 'owner',
    startsWhen: (word) => word(0, DEATHS) === 1,
    uses: (_region, word) => (word === 0 ? 'writes' : 'none'),
    begin: (regions) => ({ words: regions[0]!, at: 0 }),
    call(data) {
      code.alarmDoorbell(data.words, 0);
      return 'done';
    },
  };
  return {
    regions: [128],
    prepare: noop,
    parties: [ringer(0), ringer(1), sleeper, supervisor] as unknown as Party<never>[],
    kills: options.kills,
    deathWord: () => ({ region: 0, word: DEATHS }),
    end({ word, idle }) {
      violate(idle.size === 1, 'the sleeper has ended');
      violate(word(0, WORK) === 0 && word(0, WORK + 1) === 0, 'asleep for ever: there is work');
    },
  };
}
