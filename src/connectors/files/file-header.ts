/** The first line of a file, for formats in which it names the fields, and where it ends. */
import type { ConnectorEnv } from '../../functions/source.ts';
import { openInput } from './byte-input.ts';
import type { FileSplit } from './file-split.ts';

export interface FileHeader {
  /** Without line end and byte order mark. */
  readonly line: Uint8Array;
  /** Where the second line begins. */
  readonly end: number;
}

const FIRST_READ_BYTES = 16 * 1024;
const HEADER_BYTES_MAX = 16 * 1024 * 1024;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** A file without a line end is its header. */
export async function readHeader(env: ConnectorEnv, split: FileSplit): Promise<FileHeader> {
  const input = await openInput(env, split);
  try {
    let bytes = new Uint8Array(FIRST_READ_BYTES);
    for (let length = 0; ;) {
      const count = await input.read(bytes.subarray(length), length);
      const end = bytes.subarray(0, length + count).indexOf(LINE_FEED, length);
      if (end !== -1) return { line: withoutLineEnd(bytes, end), end: end + 1 };
      length += count;
      if (length < bytes.length || length >= HEADER_BYTES_MAX) {
        return { line: withoutLineEnd(bytes, length), end: length };
      }
      const longer = new Uint8Array(bytes.length * 2);
      longer.set(bytes);
      bytes = longer;
    }
  } finally {
    await input.close();
  }
}

/** How many bytes at the start are a byte order mark. */
export function byteOrderMark(bytes: Uint8Array, start: number): number {
  const isMark = bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf;
  return isMark ? 3 : 0;
}

function withoutLineEnd(bytes: Uint8Array, end: number): Uint8Array {
  const to = end > 0 && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
  return bytes.slice(Math.min(byteOrderMark(bytes, 0), to), to);
}
