// What enumerators kept, read by the version of the source that goes on from it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ByteWriter } from '../base/byte-writer.ts';
import { isEngineError } from '../base/errors.ts';
import type { AnySource } from '../functions/source.ts';
import { state } from '../functions/state.ts';
import { t } from '../types/index.ts';
import type { Schema } from '../types/schema.ts';
import { restoredEnumerator } from './restored-enumerator.ts';

const Stored = t.struct({ next: t.int32 });

function stored(value: unknown, more: readonly number[] = []): Uint8Array {
  const out = new ByteWriter();
  Stored.codec.encode(value, out);
  for (const byte of more) out.uint8(byte);
  return out.copy();
}

function read(
  enumeratorState: Schema<unknown>,
  migrations?: AnySource['migrations'],
  bytes = stored({ next: 7 }),
): unknown {
  const source = { enumeratorState, migrations } as AnySource;
  return restoredEnumerator({ state: bytes, schema: Stored.description }, source, 'orders');
}

describe('what an enumerator kept', () => {
  it('goes on as it is, and as the schema lets it', () => {
    assert.deepEqual(read(Stored), { next: 7 });
    const evolved = t.struct({
      from: t.field(t.int64, { alias: 'next' }),
      folder: t.field(t.string, { default: '/' }),
    });
    assert.deepEqual(read(evolved), { from: 7n, folder: '/' });
  });

  it('goes on by a migration', () => {
    const migrations = {
      enumeratorState: [state.migration(Stored, ({ next }) => [String(next)])],
    };
    assert.deepEqual(read(t.array(t.string), migrations), ['7']);
    assert.throws(
      () => read(t.int32, migrations as AnySource['migrations']),
      (error) => isEngineError(error, 'STATE_VALUE_INVALID'),
    );
  });

  it('is refused by name otherwise, and where bytes are left over', () => {
    assert.throws(
      () => read(t.struct({ next: t.string })),
      /"enumerator" of "orders".*value\.next: it was int32, and is string/,
    );
    assert.throws(
      () => read(Stored, undefined, stored({ next: 7 }, [1])),
      /enumerator of "orders"/,
    );
  });
});
