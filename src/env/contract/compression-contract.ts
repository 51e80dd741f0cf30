/** The contract of `Compression`, sentence by sentence, for every environment. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { Compression, CompressionKind } from '../env.ts';
import { pattern, withRig } from './rig.test-kit.ts';
import type { MakeRig, Rig } from './rig.test-kit.ts';

export interface CompressionRig extends Rig {
  readonly compression: Compression;
}

const KINDS: readonly CompressionKind[] = ['gzip', 'deflate', 'zstd'];

export function compressionContract(name: string, make: MakeRig<CompressionRig>): void {
  describe(`Compression: ${name}`, () => {
    for (const kind of KINDS) {
      test(`${kind}: what was compressed comes back, wherever it is cut`, () =>
        withRig(make, async ({ compression }) => {
          const content = pattern(700_000);
          const bytes = await compression.compress(kind, content.slice());
          for (const length of [1000, 65_536, bytes.length]) {
            const chunks = chunksOf(bytes, length);
            assert.deepEqual(await contentOf(compression, kind, chunks), content);
          }
        }));

      test(`${kind}: no content is some bytes, and no bytes end too early`, () =>
        withRig(make, async ({ compression }) => {
          const none = new Uint8Array(0);
          const bytes = await compression.compress(kind, none);
          assert.deepEqual(await contentOf(compression, kind, chunksOf(bytes, 3)), none);
          await assert.rejects(contentOf(compression, kind, chunksOf(none, 1)), (error) =>
            isEngineError(error, 'DATA_CORRUPT'),
          );
        }));

      test(`${kind}: bytes that end too early, and other bytes, are DATA_CORRUPT by name`, () =>
        withRig(make, async ({ compression }) => {
          const bytes = await compression.compress(kind, pattern(100_000));
          const cut = bytes.subarray(0, bytes.length - 9);
          for (const wrong of [cut, pattern(5000, 3)]) {
            await assert.rejects(
              contentOf(compression, kind, chunksOf(wrong, 512)),
              (error) => isEngineError(error, 'DATA_CORRUPT') && error.message.includes('its name'),
            );
          }
        }));
    }

    test('gzip: several contents one after another, cut anywhere', () =>
      withRig(make, async ({ compression }) => {
        const parts = [pattern(1000, 1), pattern(200_000, 2), pattern(0), pattern(3, 3)];
        const bytes: Uint8Array[] = [];
        for (const part of parts) bytes.push(await compression.compress('gzip', part.slice()));
        const all = new Uint8Array(Buffer.concat(bytes));
        const expected = new Uint8Array(Buffer.concat(parts));
        for (const length of [1, 7, 1000, all.length]) {
          const content = await contentOf(compression, 'gzip', chunksOf(all, length));
          assert.deepEqual(content, expected);
        }
      }));

    test('an error of the chunks comes out as it is', () =>
      withRig(make, async ({ compression }) => {
        const error = new EngineError('IO_NOT_FOUND', { path: '/gone' });
        // oxlint-disable-next-line require-yield
        async function* failing(): AsyncGenerator<Uint8Array, void, void> {
          throw error;
        }
        await assert.rejects(contentOf(compression, 'gzip', failing()), (thrown) =>
          isEngineError(thrown, 'IO_NOT_FOUND'),
        );
      }));

    test('whoever stops before the end ends the chunks', () =>
      withRig(make, async ({ compression }) => {
        const bytes = await compression.compress('gzip', pattern(3_000_000));
        let ended = false;
        async function* observed(): AsyncGenerator<Uint8Array, void, void> {
          try {
            yield* chunksOf(bytes, 100);
          } finally {
            ended = true;
          }
        }
        for await (const piece of compression.decompress('gzip', observed(), 'its name')) {
          assert.ok(piece.length > 0);
          break;
        }
        assert.ok(ended);
      }));
  });
}

async function* chunksOf(
  bytes: Uint8Array,
  length: number,
): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.slice(at, at + length);
}

async function contentOf(
  compression: Compression,
  kind: CompressionKind,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of compression.decompress(kind, chunks, 'its name')) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}
