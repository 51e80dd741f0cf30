/** Bids as Nexmark writes them in JSON, 278 bytes a line, the same file for the same count. */
import { createWriteStream, existsSync, statSync } from 'node:fs';
import { link, mkdir, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { Prng } from '../../src/base/prng.ts';

export const BID_LINE_BYTES = 278;

/**
 * @returns the path of a folder in which the same file of `count` bids stands under `names` names:
 *   it is read as often, and takes room once.
 */
export async function bidsFolder(count: number, names: number): Promise<string> {
  const file = await bidsFile(count);
  const folder = file.replace(/\.jsonl$/, `-times-${names}`);
  await mkdir(folder, { recursive: true });
  for (let i = 0; i < names; i += 1) {
    const name = join(folder, `${i}.jsonl`);
    if (!existsSync(name)) await link(file, name);
  }
  return folder;
}

/** @returns the path of a file with `count` bids, made once. */
export async function bidsFile(count: number): Promise<string> {
  const folder = join(tmpdir(), 'millrace-bench');
  const path = join(folder, `bids-${count}.jsonl`);
  if (existsSync(path) && statSync(path).size === count * BID_LINE_BYTES) return path;
  await mkdir(folder, { recursive: true });
  const part = `${path}.part`;
  const out = createWriteStream(part);
  const random = Prng.of(7);
  let block = '';
  for (let i = 0; i < count; i += 1) {
    block += bidLine(i, random);
    if (block.length < 1 << 20) continue;
    if (!out.write(block)) await new Promise((resolve) => out.once('drain', resolve));
    block = '';
  }
  out.end(block);
  await finished(out);
  await rename(part, path);
  return path;
}

/** The price of bid `i` is a function of `i`, so that the sum of prices has a closed form. */
export function priceOf(index: number): number {
  return 100 + (index % 1000);
}

const CHANNELS = ['Google', 'Facebook', 'Baidu', 'Apple'];

function bidLine(index: number, random: Prng): string {
  const bid = {
    auction: 1000 + random.below(100_000),
    bidder: 1000 + random.below(50_000),
    price: priceOf(index),
    channel: CHANNELS[random.below(CHANNELS.length)]!,
    url: `https://www.nexmark.com/${word(random, 5)}/${word(random, 5)}/item.htm?query=1&channel_id=${random.below(1e9)}`,
    dateTime: 1_700_000_000_000 + index,
    extra: '',
  };
  const room = BID_LINE_BYTES - 1 - JSON.stringify(bid).length;
  return `${JSON.stringify({ ...bid, extra: word(random, room) })}\n`;
}

function word(random: Prng, length: number): string {
  let text = '';
  for (let i = 0; i < length; i += 1) text += String.fromCharCode(97 + random.below(26));
  return text;
}
