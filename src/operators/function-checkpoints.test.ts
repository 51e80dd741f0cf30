/** What functions do at checkpoints, and hear of them. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { state } from '../functions/state.ts';
import { verifyOperator } from '../testing/verify-operator.ts';
import { t } from '../types/index.ts';
import { ProcessOperator } from './process-operator.ts';

/** Buffers in a variable, which only `snapshotState` and the first call know to be state. */
function buffering(): ProcessOperator {
  let buffer: string[] | undefined;
  return new ProcessOperator({
    emits: t.string,
    operatorState: { buffer: state.split(t.string) },
    onElement(value: string, ctx: any) {
      buffer ??= [...ctx.operatorState.buffer.values()];
      buffer.push(value);
      if (buffer.length < 3) return;
      ctx.emit(buffer.join(''));
      buffer = [];
    },
    snapshotState(ctx: any, checkpointId: number) {
      assert.equal(checkpointId, 1);
      if (buffer !== undefined) ctx.operatorState.buffer.update(buffer);
    },
  } as never);
}

it('what a function keeps in variables is put into its lists at every snapshot', async () => {
  const steps = 'abcdefg'.split('').map((value) => ({ kind: 'record', value }) as const);
  const results = await verifyOperator({ create: buffering, output: t.string, steps });
  const values = results.flatMap((each) => (each.kind === 'record' ? [each.value] : []));
  assert.deepEqual(values, ['abc', 'def']);
});

it('a function hears what has become of checkpoints, and may fail of it', async () => {
  const heard: string[] = [];
  const operator = new ProcessOperator({
    emits: t.string,
    onElement: () => undefined,
    notifyCheckpointComplete: async (id: number) => void heard.push(`complete ${id}`),
    notifyCheckpointAborted: (id: number) => {
      heard.push(`aborted ${id}`);
      throw new TypeError('on purpose');
    },
  });
  await operator.notifyCheckpoint({ checkpointId: 4, outcome: 'complete' });
  assert.throws(() => operator.notifyCheckpoint({ checkpointId: 5, outcome: 'aborted' }), {
    code: 'USER_CODE_FAILED',
  });
  assert.deepEqual(heard, ['complete 4', 'aborted 5']);
});
