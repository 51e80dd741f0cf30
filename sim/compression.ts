/**
 * Compression in a simulation: the same codes as the real one, computed where it is asked for,
 * since a pool of threads answers in an order that no seed decides.
 */
import {
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';
import { EngineError, messageOf } from '../src/base/errors.ts';
import type { Compression, CompressionKind } from '../src/env/env.ts';

const PIECE_BYTES = 64 * 1024;

const CODES: Readonly<
  Record<
    CompressionKind,
    Readonly<Record<'compress' | 'decompress', (bytes: Uint8Array) => Uint8Array>>
  >
> = {
  gzip: { compress: (bytes) => gzipSync(bytes), decompress: (bytes) => gunzipSync(bytes) },
  deflate: { compress: (bytes) => deflateSync(bytes), decompress: (bytes) => inflateSync(bytes) },
  zstd: {
    compress: (bytes) => zstdCompressSync(bytes),
    decompress: (bytes) => zstdDecompressSync(bytes),
  },
};

export class SimCompression implements Compression {
  async *decompress(
    kind: CompressionKind,
    chunks: AsyncIterable<Uint8Array>,
    what: string,
  ): AsyncGenerator<Uint8Array, void, void> {
    const gathered: Uint8Array[] = [];
    for await (const chunk of chunks) gathered.push(chunk);
    const content = contentOf(kind, Buffer.concat(gathered), what);
    for (let at = 0; at < content.length; at += PIECE_BYTES) {
      yield content.slice(at, at + PIECE_BYTES);
    }
  }

  compress(kind: CompressionKind, bytes: Uint8Array): Promise<Uint8Array> {
    return Promise.resolve(CODES[kind].compress(bytes));
  }
}

function contentOf(kind: CompressionKind, bytes: Uint8Array, what: string): Uint8Array {
  try {
    return CODES[kind].decompress(bytes);
  } catch (thrown) {
    const reason = `it is not ${kind} throughout (${messageOf(thrown)})`;
    throw new EngineError('DATA_CORRUPT', { what, reason }, { cause: thrown });
  }
}
