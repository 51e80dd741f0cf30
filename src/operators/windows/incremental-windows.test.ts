/**
 * The two operators for windows over accumulators, held to the operator contract: output that is
 * full after every record, and a restore at every step, change nothing.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { milliseconds } from '../../base/units.ts';
import type { Duration } from '../../base/units.ts';
import { count, sumOf } from '../../functions/aggregates.ts';
import { cumulating, session, sliding, tumbling } from '../../functions/window.ts';
import type { WindowAssigner } from '../../functions/window.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import { OperatorHarness } from '../../testing/operator-harness.ts';
import type { OperatorResult, OperatorStep } from '../../testing/operator-harness.ts';
import { verifyOperator } from '../../testing/verify-operator.ts';
import { dynamic, t } from '../../types/index.ts';
import { createWindowOperator } from './create-window-operator.ts';
import { SessionWindowOperator } from './session-window-operator.ts';
import { SliceWindowOperator } from './slice-window-operator.ts';

interface Visit {
  readonly user: string;
  readonly n: number;
}
const Visit = t.struct({ user: t.string, n: t.float64 });
const byUser = { select: ({ user }: Visit) => user, schema: undefined };
const ms = milliseconds;

type Parts = Partial<WindowSpec>;

function spec(assigner: WindowAssigner<Visit>, parts: Parts = {}): WindowSpec {
  return {
    kind: 'window',
    key: byUser,
    keyed: true,
    assigner,
    trigger: undefined,
    evictor: undefined,
    allowedLateness: 0 as Duration,
    contents: { kind: 'aggregate', aggregate: count() },
    function: undefined,
    value: Visit,
    ...parts,
  };
}

function visit(user: string, timestamp: number | undefined, n = 1): OperatorStep {
  return { kind: 'record', value: { user, n }, timestamp };
}

const watermark = (timestamp: number): OperatorStep => ({ kind: 'watermark', timestamp });
const advance = (by: number): OperatorStep => ({ kind: 'advance', by: ms(by) });

interface Shown {
  readonly key: string;
  readonly window: { readonly start: number; readonly end: number };
  readonly value: unknown;
}

/** `key [start, end) = value`, and what is late. */
function shown(results: readonly OperatorResult[]): string[] {
  return results.flatMap((result) => {
    if (result.kind !== 'record') return [];
    if (result.tag === 'late') return [`late ${(result.value as Visit).user} ${result.timestamp}`];
    const { key, window, value } = result.value as Shown;
    assert.equal(result.timestamp, window.end - 1);
    return [`${key} [${window.start}, ${window.end}) = ${String(value)}`];
  });
}

async function verified(
  assigner: WindowAssigner<Visit>,
  steps: readonly OperatorStep[],
  parts: Parts = {},
): Promise<string[]> {
  const results = await verifyOperator({
    create: () => createWindowOperator(spec(assigner, parts)),
    keys: [byUser],
    output: dynamic,
    sideOutputs: { late: Visit },
    steps,
  });
  return shown(results);
}

describe('the choice of the operator', () => {
  it('takes the fast ones where they can do it', () => {
    const chosen = (assigner: WindowAssigner<Visit>): unknown =>
      createWindowOperator(spec(assigner));
    assert.ok(chosen(tumbling(ms(5))) instanceof SliceWindowOperator);
    assert.ok(chosen(sliding(ms(5), ms(2))) instanceof SliceWindowOperator);
    assert.ok(chosen(cumulating(ms(6), ms(2))) instanceof SliceWindowOperator);
    assert.ok(chosen(session(ms(6))) instanceof SessionWindowOperator);
    assert.ok(!(chosen(tumbling(ms(5), { stagger: 'natural' })) instanceof SliceWindowOperator));
  });
});

describe('aligned windows', () => {
  it('W2: fire when the watermark has come to their last millisecond', async () => {
    const results = await verified(tumbling(ms(10)), [
      visit('a', 1),
      visit('b', 9),
      visit('a', 10),
      watermark(8),
      visit('a', 3),
      watermark(9),
    ]);
    assert.deepEqual(results.slice(0, 2).toSorted(), ['a [0, 10) = 2', 'b [0, 10) = 1']);
    assert.deepEqual(results.slice(2), ['a [10, 20) = 1']);
  });

  it('share what they have in common', async () => {
    const results = await verified(sliding(ms(10), ms(4)), [visit('a', 1), visit('a', 9)]);
    assert.deepEqual(results, [
      'a [-8, 2) = 1',
      'a [-4, 6) = 1',
      'a [0, 10) = 2',
      'a [4, 14) = 1',
      'a [8, 18) = 1',
    ]);
  });

  it('with a slide above the size leave out what is between them', async () => {
    const results = await verified(sliding(ms(3), ms(10)), [
      visit('a', 2),
      visit('a', 3),
      visit('a', 12),
      watermark(20),
      visit('a', 5),
      visit('a', 11),
    ]);
    assert.deepEqual(results, ['a [0, 3) = 1', 'a [10, 13) = 1', 'late a 5', 'late a 11']);
  });

  it('W3: fire again for each record within the allowed lateness, and then no more', async () => {
    const lateness = { allowedLateness: ms(5) };
    const results = await verified(
      sliding(ms(4), ms(2)),
      [visit('a', 1), watermark(3), visit('a', 2), watermark(8), visit('a', 0), visit('a', 2)],
      lateness,
    );
    assert.deepEqual(results, [
      'a [-2, 2) = 1',
      'a [0, 4) = 1',
      'a [0, 4) = 2',
      'a [2, 6) = 1',
      'late a 0',
      'a [2, 6) = 2',
    ]);
  });

  it('may lie before 1970, and far apart', async () => {
    const results = await verified(tumbling(ms(10), { offset: ms(3) }), [
      visit('a', -1_000_000_000_000),
      visit('a', 1_000_000_000_000),
      watermark(1_000_000_000_002),
    ]);
    assert.deepEqual(results, [
      'a [-1000000000007, -999999999997) = 1',
      'a [999999999993, 1000000000003) = 1',
    ]);
  });

  it('W2: by the clock fire at their end, and those that it has not come to are counted', async () => {
    const logged = await verified(tumbling(ms(10), { time: 'processing' }), [
      visit('a', undefined),
      advance(9),
      visit('a', undefined),
      advance(1),
      visit('b', undefined),
    ]);
    assert.deepEqual(logged, ['a [0, 10) = 2']);
  });

  it('fire thousands of keys in parts', async () => {
    const visits = Array.from({ length: 3000 }, (_, n) => visit(`user ${n}`, n % 10));
    for (const assigner of [tumbling(ms(10)), sliding(ms(20), ms(10))]) {
      const harness = new OperatorHarness({
        operator: createWindowOperator(spec(assigner)),
        inputs: 1,
        keys: [byUser],
        output: dynamic,
      });
      await harness.open();
      for (const step of visits) harness.step(step);
      harness.end();
      await harness.settle();
      assert.equal(harness.failure, undefined);
      const windows = assigner.kind === 'tumbling' ? 1 : 2;
      assert.equal(new Set(shown(harness.results)).size, 3000 * windows);
    }
  });

  it('hand reductions and functions what they have gathered', async () => {
    const results = await verified(tumbling(ms(10)), [visit('a', 1, 5), visit('a', 2, 7)], {
      contents: { kind: 'reduce', reduce: (a: Visit, b: Visit) => ({ ...a, n: a.n + b.n }) },
      function: {
        emits: dynamic,
        onWindow: (value: Visit, ctx) =>
          ctx.emit({ key: ctx.key as unknown, window: ctx.window, value: value.n }),
      },
    });
    assert.deepEqual(results, ['a [0, 10) = 12']);
  });
});

describe('sessions', () => {
  it('grow, meet, and fire once each', async () => {
    const results = await verified(
      session(ms(10)),
      [
        visit('a', 0, 1),
        visit('a', 21, 2),
        visit('b', 5, 4),
        visit('a', 10, 8),
        visit('a', 31, 16),
        watermark(14),
        watermark(40),
        visit('a', 45, 32),
      ],
      { contents: { kind: 'aggregate', aggregate: sumOf(({ n }: Visit) => n) } },
    );
    assert.deepEqual(results, [
      'b [5, 15) = 4',
      'a [0, 20) = 9',
      'a [21, 41) = 18',
      'a [45, 55) = 32',
    ]);
  });

  it('W1: take a late record that touches one that is kept, and fire again', async () => {
    const results = await verified(
      session(ms(10)),
      [visit('a', 0), watermark(12), visit('a', 1), visit('a', 9), watermark(30), visit('a', 1)],
      { allowedLateness: ms(5) },
    );
    assert.deepEqual(results, ['a [0, 10) = 1', 'a [0, 11) = 2', 'a [0, 19) = 3', 'late a 1']);
  });

  it('have gaps that depend on the record, above 0', async () => {
    const byRecord = session<Visit>(({ n }) => ms(n));
    const results = await verified(byRecord, [
      visit('a', 0, 10),
      visit('a', 5, 1),
      visit('a', 20, 3),
    ]);
    assert.deepEqual(results, ['a [0, 10) = 2', 'a [20, 23) = 1']);
    const harness = new OperatorHarness({
      operator: createWindowOperator(spec(byRecord)),
      inputs: 1,
      keys: [byUser],
      output: dynamic,
    });
    await harness.open();
    harness.step(visit('a', 0, -1));
    await harness.settle();
    assert.equal(harness.failure?.code, 'USER_CODE_BAD_WINDOW');
  });

  it('by the clock', async () => {
    const results = await verified(session(ms(10), { time: 'processing' }), [
      visit('a', undefined),
      advance(9),
      visit('a', undefined),
      advance(9),
      advance(1),
      visit('a', undefined),
    ]);
    assert.deepEqual(results, ['a [0, 19) = 2']);
  });
});

describe('records without event time', () => {
  it('are named with their operator', async () => {
    for (const assigner of [tumbling(ms(10)), session(ms(10))]) {
      const harness = new OperatorHarness({
        operator: createWindowOperator(spec(assigner)),
        inputs: 1,
        keys: [byUser],
        output: dynamic,
      });
      await harness.open();
      harness.step(visit('ada', undefined));
      await harness.settle();
      assert.equal(harness.failure?.code, 'DATA_NO_TIMESTAMP');
      assert.match(harness.failure?.message ?? '', /ada/);
    }
  });
});
