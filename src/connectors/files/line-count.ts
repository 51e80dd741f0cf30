/**
 * Counts the lines of a file before a place in it, for messages: a reader that begins in the middle
 * does not know the number of its first line.
 */
import type { ConnectorEnv } from '../../functions/source.ts';
import { openInput } from './byte-input.ts';

const BLOCK_BYTES = 1024 * 1024;
const LINE_FEED = 10;

/** @returns undefined if it was given up. */
export async function countLines(
  env: ConnectorEnv,
  file: { readonly path: string; readonly name: string },
  end: number,
  givenUp: () => boolean,
): Promise<number | undefined> {
  const input = await openInput(env, file);
  try {
    const buffer = new Uint8Array(BLOCK_BYTES);
    let lines = 0;
    for (let position = 0; position < end;) {
      const block = buffer.subarray(0, Math.min(buffer.length, end - position));
      const count = await input.read(block, position);
      if (count === 0 || givenUp()) return undefined;
      lines += lineEndsIn(block.subarray(0, count));
      position += count;
    }
    return lines;
  } finally {
    await input.close();
  }
}

function lineEndsIn(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, at + 1)) {
    count += 1;
  }
  return count;
}
