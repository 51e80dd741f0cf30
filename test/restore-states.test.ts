// What a slot does with state that an operator cannot take; rules as in restore-states.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../src/base/errors.ts';
import { discard } from '../src/connectors/discard/discard.ts';
import { SinkOperator } from '../src/operators/sink-operator.ts';
import type { Operator } from '../src/operators/operator.ts';
import type { OperatorRestore } from '../src/protocol/checkpoint.ts';
import { OperatorStateBackend } from '../src/state/operator-state.ts';
import { restoreOperators } from '../src/taskexecutor/slot/checkpoint/restore-states.ts';

const handle = { kind: 'inline', bytes: new Uint8Array(0) } as const;
const KEYED = { keyed: [{ firstKeyGroup: 0, lastKeyGroup: 0, parts: [handle] }] };
const PREPARED = { committables: [{ checkpointId: 7, committables: [new Uint8Array(1)] }] };

async function restore(operator: Operator, kept: Partial<OperatorRestore>): Promise<string> {
  const operatorState = new OperatorStateBackend({ operator: 'a', subtask: 0, parallelism: 1 });
  const restored = { operator: 'a', keyed: [], operatorState: [], committables: [] };
  try {
    await restoreOperators(
      [{ id: 'a', operator, keyedState: undefined, operatorState, committables: undefined }],
      {
        ...{ kind: 'state', checkpointId: 7, isClaimed: false, inputs: [], outputs: [] },
        ...{
          finished: false,
          operators: [{ ...restored, formerParallelism: 1, committable: undefined, ...kept }],
        },
      },
      undefined as never,
    );
    return 'restored';
  } catch (error) {
    assert.ok(isEngineError(error, 'STATE_SNAPSHOT_MISMATCH'), String(error));
    return error.message;
  }
}

test('R3: what an operator cannot take is an error, and not dropped', async () => {
  const map = {} as Operator;
  const sink = new SinkOperator(discard(), {} as never);
  assert.match(await restore(map, KEYED), /operator a.*no keys/);
  assert.match(await restore(map, PREPARED), /operator a.*commits nothing/);
  assert.match(await restore(sink, PREPARED), /operator a.*commits nothing/);
  assert.equal(await restore(map, {}), 'restored');
});
