/** The inputs of the queries, made once, with their checksums said. */
import { NexmarkGenerator } from '../nexmark/generator.ts';
import { inputFile } from './input-file.ts';
import type { InputKind, Pair } from './pairs.ts';

export type Inputs = Readonly<Record<InputKind, string>>;

/** Those that some of the pairs need; the others are ''. */
export async function inputsFor(
  pairs: readonly Pair[],
  events: number,
  log: (line: string) => void,
): Promise<Inputs> {
  const inputs: Record<InputKind, string> = {
    none: '',
    events: '',
    'bids as JSON': '',
    'bids as CSV': '',
  };
  for (const kind of new Set(pairs.map(({ input }) => input))) {
    if (kind === 'none') continue;
    const wanted = INPUTS[kind];
    const file = await inputFile(wanted.name(events), () => wanted.lines(events));
    log(`${kind}: ${file.path}, ${file.bytes} bytes, md5 ${file.md5}`);
    inputs[kind] = file.path;
  }
  return inputs;
}

interface InputLines {
  name(events: number): string;
  lines(events: number): Iterable<string>;
}

const INPUTS: Readonly<Record<Exclude<InputKind, 'none'>, InputLines>> = {
  events: {
    name: (events) => `nexmark-${events}.jsonl`,
    *lines(events) {
      for (const event of new NexmarkGenerator({ events }).events()) yield JSON.stringify(event);
    },
  },
  'bids as JSON': {
    name: (events) => `bids-${events}.jsonl`,
    *lines(events) {
      for (const bid of bidsOf(events)) yield JSON.stringify(bid);
    },
  },
  'bids as CSV': {
    name: (events) => `bids-${events}.csv`,
    *lines(events) {
      for (const bid of bidsOf(events)) yield Object.values(bid).join(',');
    },
  },
};

/** As many bids as are wanted: 46 of 50 events are bids. */
function* bidsOf(bids: number) {
  const generator = new NexmarkGenerator({ events: Math.ceil((bids / 46) * 50) + 50 });
  let left = bids;
  for (const { bid } of generator.events()) {
    if (bid === undefined) continue;
    if (left === 0) return;
    left -= 1;
    yield bid;
  }
}
