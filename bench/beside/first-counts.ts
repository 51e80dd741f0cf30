/** How many bids each bidder has made among the first so many. */
import { kindOf, type NexmarkGenerator } from '../nexmark/generator.ts';

export function countsOfFirst(
  generator: NexmarkGenerator,
  bids: number,
): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  let left = bids;
  for (let index = 0; index < generator.count && left > 0; index += 1) {
    const number = generator.numberAt(index);
    if (kindOf(number) !== 'bid') continue;
    const { bidder } = generator.bid(number);
    counts.set(bidder, (counts.get(bidder) ?? 0) + 1);
    left -= 1;
  }
  return counts;
}
