// Committables of an earlier form of a program: what the committer gets of them, what the next
// checkpoint holds, and what is refused.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteWriter } from '../base/byte-writer.ts';
import { isEngineError } from '../base/errors.ts';
import type { EngineError } from '../base/errors.ts';
import type { AnySink, CommitRequest } from '../functions/sink.ts';
import { t } from '../types/index.ts';
import type { Schema } from '../types/schema.ts';
import { decodeCommittable, encodeCommittable } from './restored-committables.ts';
import { SinkCommits } from './sink-commits.ts';

const Former = t.struct({ path: t.string, part: t.int32, dropped: t.boolean });
const Now = t.struct({
  file: t.field(t.string, { alias: 'path' }),
  part: t.integer,
  owner: t.field(t.string, { default: 'nobody' }),
});
const FORMER = { path: 'a/b', part: 7, dropped: true };
const NOW = { file: 'a/b', part: 7, owner: 'nobody' };

type Commit = (requests: readonly CommitRequest<unknown>[]) => void;

function commits(committable: Schema<unknown>, commit: Commit): SinkCommits {
  const sink: AnySink = {
    ...{ kind: 'sink', name: 'files', accepts: undefined, committable },
    createWriter: () => assert.fail('nothing is written'),
    createCommitter: () => ({ commit }),
  };
  const quiet = (): void => undefined;
  const context = {
    operatorName: 'Sink: files',
    restoredCheckpointId: 4,
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  };
  return new SinkCommits(sink, context as never, {
    underLease: (effect) => effect(),
    commitRetries: 0,
  });
}

function prepared(...encoded: readonly Uint8Array[]): Parameters<SinkCommits['restore']>[0] {
  return [{ checkpointId: 4, committables: encoded }];
}

function withOneMore(bytes: Uint8Array): Uint8Array {
  return Uint8Array.of(...bytes, 0);
}

async function failure(run: () => unknown): Promise<EngineError> {
  try {
    await run();
  } catch (error) {
    assert.ok(isEngineError(error), String(error));
    return error;
  }
  return assert.fail('nothing was refused');
}

describe('committables of an earlier form of the program', () => {
  test('C5: are committed, and kept, as this one would have prepared them', async () => {
    const seen: unknown[] = [];
    const own = commits(Now, (requests) =>
      requests.forEach((request) => {
        seen.push(request.committable);
        request.retryLater();
      }),
    );
    own.restore(prepared(encodeCommittable(Former, FORMER)), Former.description);
    await failure(() => own.commit(4));
    assert.deepEqual(seen, [NOW]);
    assert.deepEqual(own.all, [encodeCommittable(Now, NOW)]);
  });

  test('C5: a number that is wider now has other bytes, and the same value', async () => {
    const seen: unknown[] = [];
    const own = commits(t.float64, (requests) =>
      requests.forEach(({ committable }) => seen.push(committable)),
    );
    own.restore(prepared(encodeCommittable(t.int32, -5)), t.int32.description);
    assert.equal(await own.commit(4), true);
    assert.deepEqual(seen, [-5]);
  });

  test('R2: are refused for good with the names of sink, checkpoint and field', async () => {
    const Changed = t.struct({ path: t.int32 });
    const own = commits(Changed, () => assert.fail('nothing is committed'));
    const bytes = encodeCommittable(Former, FORMER);
    const error = await failure(() => own.restore(prepared(bytes), Former.description));
    assert.equal(error.code, 'RESTORE_COMMITTABLES_CHANGED');
    assert.equal(error.retry, 'never');
    assert.match(error.message, /Checkpoint 4 .* "Sink: files" .*the committable\.path: it was/);
    assert.match(error.fix!, /another uid/);
  });
});

describe('R1: every byte of a committable belongs to it', () => {
  const invalid = (error: EngineError): void => {
    assert.equal(error.code, 'STATE_SNAPSHOT_CORRUPT');
    assert.equal(error.retry, 'never');
    assert.match(error.message, /"Sink: files" has prepared to commit.*too many/);
  };

  test('when it is decoded', () => {
    const bytes = encodeCommittable(Former, FORMER);
    assert.deepEqual(decodeCommittable(Former, bytes, 'a'), FORMER);
    assert.throws(() => decodeCommittable(Former, withOneMore(bytes), 'a'), /1 bytes too many/);
  });

  test('when it was encoded with another schema', async () => {
    const own = commits(Now, () => assert.fail('nothing is committed'));
    const bytes = withOneMore(encodeCommittable(Former, FORMER));
    invalid(await failure(() => own.restore(prepared(bytes), Former.description)));
  });

  test('whatever the committer makes of the error', async () => {
    const own = commits(Former, ([request]) => {
      try {
        void request!.committable;
      } catch {
        request!.signalAlreadyCommitted();
      }
    });
    const bytes = withOneMore(encodeCommittable(Former, FORMER));
    own.restore(prepared(bytes), Former.description);
    invalid(await failure(() => own.commit(4)));
    assert.equal(own.all.length, 1, 'C1: it is still pending');
  });
});

test('a committable is encoded from its beginning, whatever was encoded before', () => {
  const out = new ByteWriter();
  t.string.codec.encode('a', out);
  assert.deepEqual(encodeCommittable(t.string, 'a'), out.copy());
  assert.deepEqual(encodeCommittable(t.string, 'a'), out.copy());
});
