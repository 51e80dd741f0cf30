/** Metadata is read exactly as it was written, or refused with the name of the file. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { crc32 } from '../base/crc32.ts';
import { isEngineError } from '../base/errors.ts';
import { someMetadata } from './checkpoint.test-kit.ts';
import { handlesOf } from './checkpoint-metadata.ts';
import { joinUri } from './file-uri.ts';
import { decodeMetadata, encodeMetadata } from './metadata-codec.ts';

const FOLDER = 'file:/checkpoints/job/chk-7';
const URI = `${FOLDER}/_metadata`;
const SHARED = 'file:/checkpoints/job/shared';

const METADATA = someMetadata((name, shared) => ({
  kind: 'file',
  uri: joinUri(shared ? SHARED : FOLDER, name),
  size: 2 ** 40 + 1,
  shared,
}));
const BYTES = encodeMetadata(METADATA, FOLDER);

function refusal(bytes: Uint8Array, what: string): string {
  try {
    decodeMetadata(bytes, URI);
  } catch (error) {
    assert.ok(isEngineError(error, 'CHECKPOINT_FILE_INVALID'), `${what}: ${String(error)}`);
    assert.ok(error.message.includes(URI), error.message);
    return error.message;
  }
  return assert.fail(`${what} was not noticed`);
}

describe('the metadata of a checkpoint', () => {
  test('M3: comes back as it was', () => {
    assert.deepStrictEqual(decodeMetadata(BYTES, URI), METADATA);
  });

  test('M2: every flipped bit of every byte is found', () => {
    for (let at = 0; at < BYTES.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const damaged = BYTES.slice();
        damaged[at]! ^= 1 << bit;
        refusal(damaged, `bit ${bit} of byte ${at}`);
      }
    }
  });

  test('M2: cut anywhere, or with anything behind its end, it is refused', () => {
    for (let length = 0; length < BYTES.length; length += 1) {
      refusal(BYTES.subarray(0, length), `${length} bytes`);
    }
    refusal(Buffer.concat([BYTES, new Uint8Array(1)]), 'a byte too many');
    refusal(Buffer.concat([BYTES, BYTES]), 'twice the same');
  });

  test('M2: with any byte missing, zeroed or doubled it is refused', () => {
    for (let at = 0; at < BYTES.length; at += 1) {
      const [before, after] = [BYTES.subarray(0, at), BYTES.subarray(at + 1)];
      refusal(Buffer.concat([before, after]), `without byte ${at}`);
      if (BYTES[at] !== 0) refusal(Buffer.concat([before, new Uint8Array(1), after]), `0 at ${at}`);
      const doubled = Buffer.concat([BYTES.subarray(0, at + 1), BYTES.subarray(at)]);
      refusal(doubled, `byte ${at} twice`);
    }
  });

  test('M1: a version that is not known is told from damage', () => {
    const newer = BYTES.slice();
    const view = new DataView(newer.buffer);
    view.setUint16(8, 4, true);
    view.setUint32(24, crc32(newer.subarray(0, 24)), true);
    view.setUint32(newer.length - 4, crc32(newer.subarray(0, newer.length - 4)), true);
    assert.match(refusal(newer, 'version 4'), /format version 4, and this version .* reads 3/);
  });

  test('M3: committables of which nothing says what they are are refused', () => {
    const operators = METADATA.operators.map((each) => ({ ...each, committable: undefined }));
    const bytes = encodeMetadata({ ...METADATA, operators }, FOLDER);
    assert.match(refusal(bytes, 'no schema'), /Source.*nothing says what its committables are/);
  });

  test('M3: what an enumerator keeps, of which nothing says what it is, is refused', () => {
    const operators = METADATA.operators.map((each) => ({ ...each, enumeratorSchema: undefined }));
    const bytes = encodeMetadata({ ...METADATA, operators }, FOLDER);
    assert.match(refusal(bytes, 'no schema'), /Source.*nothing says what its enumerator keeps/);
  });

  test('M3: records in flight of which nothing says what they are are refused', () => {
    const bytes = encodeMetadata({ ...METADATA, edges: [] }, FOLDER);
    assert.match(refusal(bytes, 'no edge'), /Totals.*nothing says what is in flight on source:0/);
  });

  test('an empty file and other files are called what they are', () => {
    assert.match(refusal(new Uint8Array(0), 'empty'), /it is empty/);
    assert.match(refusal(new Uint8Array(100), 'zeros'), /no metadata of a checkpoint/);
  });

  test('content that passes its checksum and makes no sense is refused, whatever it is', () => {
    const content = METADATA.operators.map(({ name }) => name).join();
    assert.ok(content.length > 0);
    const contentAt = 28 + new DataView(BYTES.buffer, BYTES.byteOffset).getUint32(12, true);
    fc.assert(
      fc.property(fc.nat(), fc.nat(255), (offset, byte) => {
        const forged = BYTES.slice();
        const at = contentAt + (offset % (BYTES.length - 4 - contentAt));
        forged[at] = byte;
        const end = forged.length - 4;
        new DataView(forged.buffer).setUint32(end, crc32(forged.subarray(0, end)), true);
        try {
          // Another value of the same form.
          decodeMetadata(forged, URI);
        } catch (error) {
          assert.ok(isEngineError(error, 'CHECKPOINT_FILE_INVALID'), String(error));
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test('state in the folder moves with it, other state stays where it is', () => {
    const moved = decodeMetadata(BYTES, 's3://bucket/elsewhere/_metadata');
    const uris = [...handlesOf(moved)].map((handle) => handle.kind === 'file' && handle.uri);
    assert.deepEqual(uris, [
      `${SHARED}/full`,
      `${SHARED}/increment`,
      false,
      's3://bucket/elsewhere/in',
    ]);
  });

  test('a path that leads out of the folder is refused', () => {
    for (const name of ['../other', 'a/../../b', './b', 'a//b', '']) {
      const metadata = someMetadata(() => ({
        kind: 'file',
        uri: `${FOLDER}/${name}`,
        size: 1,
        shared: false,
      }));
      assert.match(refusal(encodeMetadata(metadata, FOLDER), name), /does not name a file/);
    }
    const relative = someMetadata(() => ({ kind: 'file', uri: 'x', size: 1, shared: false }));
    refusal(encodeMetadata(relative, FOLDER), 'neither relative nor absolute');
  });
});
