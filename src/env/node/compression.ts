/** Compression by zlib and zstd as Node brings them, on the threads of its pool. */
import type * as Streams from 'node:stream';
import type * as Zlib from 'node:zlib';
import { EngineError, isEngineError, messageOf } from '../../base/errors.ts';
import type { Compression, CompressionKind } from '../env.ts';

/** Length of the pieces that come out. */
const PIECE_BYTES = 256 * 1024;

export function nodeCompression(): Compression {
  return { decompress, compress };
}

async function* decompress(
  kind: CompressionKind,
  chunks: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<Uint8Array, void, void> {
  const { Readable, pipeline } = process.getBuiltinModule('node:stream');
  const decompressor = DECOMPRESSORS[kind](zlib());
  // Whatever goes wrong on the way destroys the decompressor with that error: the loop throws it.
  pipeline(Readable.from(chunks), decompressor, () => undefined);
  try {
    for await (const piece of decompressor) yield piece as Uint8Array;
  } catch (thrown) {
    if (isEngineError(thrown)) throw thrown;
    const reason = `it is not ${kind} throughout (${messageOf(thrown)})`;
    throw new EngineError('DATA_CORRUPT', { what, reason }, { cause: thrown });
  }
}

const DECOMPRESSORS: Readonly<Record<CompressionKind, (from: typeof Zlib) => Streams.Transform>> = {
  gzip: (from) => from.createGunzip({ chunkSize: PIECE_BYTES }),
  deflate: (from) => from.createInflate({ chunkSize: PIECE_BYTES }),
  zstd: (from) => from.createZstdDecompress({ chunkSize: PIECE_BYTES }),
};

function compress(kind: CompressionKind, bytes: Uint8Array): Promise<Uint8Array> {
  const from = zlib();
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, result: Uint8Array): void => {
      if (error === null) resolve(result);
      else reject(new EngineError('INTERNAL', { message: messageOf(error) }, { cause: error }));
    };
    if (kind === 'gzip') from.gzip(bytes, done);
    else if (kind === 'deflate') from.deflate(bytes, done);
    else from.zstdCompress(bytes, done);
  });
}

// Loaded on first use, as most processes never compress.
function zlib(): typeof Zlib {
  return process.getBuiltinModule('node:zlib');
}
