import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { milliseconds } from '../base/units.ts';
import { state } from '../functions/state.ts';
import { verifyOperator } from '../testing/verify-operator.ts';
import { t } from '../types/index.ts';
import { KeyedProcessOperator } from './process-operator.ts';

const byFirst = { select: (value: unknown) => (value as string)[0]!, schema: undefined };

describe('state with a time-to-live', () => {
  it('expires by the processing time of the operator, over snapshots at every step too', async () => {
    const ttl = { duration: milliseconds(100) };
    const steps = [
      { kind: 'record', value: 'a1' },
      { kind: 'advance', by: milliseconds(60) },
      { kind: 'record', value: 'a2' },
      { kind: 'record', value: 'b1' },
      { kind: 'advance', by: milliseconds(60) },
      { kind: 'record', value: 'a3' },
      { kind: 'advance', by: milliseconds(100) },
      { kind: 'record', value: 'b2' },
      { kind: 'record', value: 'a4' },
    ] as const;
    const results = await verifyOperator({
      create: () =>
        new KeyedProcessOperator(byFirst, {
          emits: t.string,
          state: {
            count: state.value(t.int32, { initial: 0, ttl }),
            all: state.list(t.string, { ttl }),
            names: state.map(t.string, t.boolean, { ttl }),
          },
          onElement(value: string, context: any) {
            const { count, all, names } = context.state;
            count.set(count.get() + 1);
            all.add(value);
            names.set(value, true);
            context.emit(`${count.get()} ${[...all.values()].join()} ${[...names.keys()].join()}`);
          },
          onEnd(context: any) {
            const keys: string[] = [];
            context.forEachKey('all', (key: string) => keys.push(key));
            context.emit(keys.toSorted().join());
          },
        }),
      keys: [byFirst],
      output: t.string,
      steps,
    });
    assert.deepEqual(
      results.flatMap((result) => (result.kind === 'record' ? [result.value] : [])),
      // 'a1' has expired when 'a3' comes, but the count was written with 'a2'.
      ['1 a1 a1', '2 a1,a2 a1,a2', '1 b1 b1', '3 a2,a3 a2,a3', '1 b2 b2', '1 a4 a4', 'a,b'],
    );
  });
});
