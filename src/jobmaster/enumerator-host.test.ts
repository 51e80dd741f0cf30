import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteReader } from '../base/byte-reader.ts';
import { isEngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { Log } from '../env/env.ts';
import type { AnySource, SplitEnumerator, SplitEnumeratorContext } from '../functions/source.ts';
import type { SourceEventToReader } from '../protocol/slot-messages.ts';
import { ManualClock } from '../rpc/manual-clock.test-kit.ts';
import { t } from '../types/index.ts';
import { EnumeratorHost } from './enumerator-host.ts';

type Split = { readonly id: string };
type Context = SplitEnumeratorContext<Split>;

/** An enumerator that does what the test says and notes what is asked of it. */
function rig(behaviour: Partial<SplitEnumerator<Split, undefined>> = {}) {
  const clock = new ManualClock();
  const calls: string[] = [];
  const sent: string[] = [];
  const failures: unknown[] = [];
  const warnings: string[] = [];
  const log: Log = { write: (_level, message) => void warnings.push(message), with: () => log };
  let context!: Context;
  const split = t.struct({ id: t.string });
  const source = {
    ...{ kind: 'source', name: 'test', boundedness: 'bounded', split },
    createEnumerator: (given: Context): SplitEnumerator<Split, undefined> => {
      context = given;
      return {
        start: () => void calls.push('start'),
        addReader: (subtask) => void calls.push(`add ${subtask}`),
        handleSplitRequest: (subtask) => {
          calls.push(`request ${subtask}`);
          given.assign(subtask, [{ id: `s${subtask}` }]);
        },
        addSplitsBack: (splits, subtask) => {
          calls.push(`back ${subtask}: ${splits.map(({ id }) => id).join()}`);
        },
        snapshot: () => undefined,
        close: () => void calls.push('close'),
        ...behaviour,
      };
    },
  } as unknown as AnySource;
  const toReader = (subtask: number, generation: number, event: SourceEventToReader): void => {
    const splits = event.kind === 'splits' ? event.splits : [];
    const ids = splits.map((bytes) => split.codec.decode(new ByteReader(bytes)).id);
    const who = generation === 1 ? `${subtask}` : `${subtask}@${generation}`;
    sent.push([who, event.kind, ...ids].join(' '));
  };
  const host = new EnumeratorHost(source, {
    env: { clock, log } as never,
    parallelism: 2,
    toReader,
    failed: (error) => failures.push(error),
  });
  for (const subtask of [0, 1]) host.attach(subtask, 1);
  return { clock, calls, sent, failures, warnings, host, context: () => context };
}

test('N1: no call comes before start has ended, and they come in order', async () => {
  const started = Promise.withResolvers<void>();
  const { host, calls, sent, clock } = rig({ start: () => started.promise });
  host.handle(1, { kind: 'reader-registered' });
  host.handle(1, { kind: 'split-request' });
  await clock.pass();
  assert.deepEqual(calls, []);
  started.resolve();
  await clock.pass();
  assert.deepEqual(calls, ['add 1', 'request 1']);
  assert.deepEqual(sent, ['1 splits s1']);
});

test('a reader that asks before it was reported is registered by that, once', async () => {
  const { host, calls, clock } = rig();
  host.handle(0, { kind: 'split-request' });
  host.handle(0, { kind: 'reader-registered' });
  await clock.pass();
  assert.deepEqual(calls, ['start', 'add 0', 'request 0']);
});

test('what the enumerator throws is a failure of the source', async () => {
  const boom = new Error('boom');
  const { host, failures, clock } = rig({
    handleSplitRequest: () => {
      throw boom;
    },
  });
  host.handle(0, { kind: 'split-request' });
  await clock.pass();
  assert.deepEqual(failures, [boom]);
});

test('N4: what is too large for a message fails the source and is not sent', async () => {
  const { host, sent, failures, context, clock } = rig({
    handleSplitRequest: (subtask) => context().assign(subtask, [{ id: 'x'.repeat(9_000_000) }]),
    handleReaderEvent: (subtask) => context().sendToReader(subtask, new Uint8Array(9_000_000)),
  });
  host.handle(0, { kind: 'split-request' });
  host.handle(0, { kind: 'user', payload: new Uint8Array(1) });
  await clock.pass();
  const codes = failures.map((error) => isEngineError(error) && error.code);
  assert.deepEqual(codes, ['SOURCE_MESSAGE_TOO_LARGE', 'SOURCE_MESSAGE_TOO_LARGE']);
  assert.deepEqual(sent, []);
});

test('N2: after close nothing is carried on and nothing is called', async () => {
  const { host, calls, sent, failures, context, clock } = rig();
  host.handle(0, { kind: 'reader-registered' });
  await clock.pass();
  const closing = host.close();
  host.handle(0, { kind: 'split-request' });
  context().assign(0, [{ id: 'late' }]);
  context().fail(new Error('late'));
  await clock.pass();
  await closing;
  assert.deepEqual(calls, ['start', 'add 0', 'close']);
  assert.deepEqual([sent, failures, clock.armed], [[], [], 0]);
});

test('an enumerator that never ends a call does not hold up its successor', async () => {
  const { host, warnings, clock } = rig({ start: () => new Promise(() => undefined) });
  let closed = false;
  void host.close().then(
    () => (closed = true),
    () => assert.fail(),
  );
  await clock.pass(seconds(9));
  assert.equal(closed, false);
  await clock.pass(seconds(1));
  assert.equal(closed, true);
  assert.match(warnings.join(), /was not closed after 10000 ms/);
});

test('what close throws is reported', async () => {
  const { host, warnings, clock } = rig({
    close: () => {
      throw new Error('stuck');
    },
  });
  await clock.pass();
  const closing = host.close();
  await clock.pass();
  await closing;
  assert.match(warnings.join(), /could not be closed: stuck/);
});

test('N3: what a reader was given goes back when its next generation is attached, once', async () => {
  const { host, calls, sent, clock } = rig();
  for (const subtask of [0, 1]) host.handle(subtask, { kind: 'split-request' });
  await clock.pass();
  calls.length = 0;
  sent.length = 0;
  host.attach(1, 2);
  await clock.pass();
  assert.deepEqual(calls, ['back 1: s1'], 'and nothing of reader 0');
  host.attach(1, 3);
  host.handle(1, { kind: 'split-request' });
  await clock.pass();
  assert.deepEqual(calls, ['back 1: s1', 'back 1: ', 'add 1', 'request 1']);
  assert.deepEqual(sent, ['1@3 splits s1'], 'told with the generation that it is for');
});
