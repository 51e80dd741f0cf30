/**
 * What the tests of joins share: random records of two sides, and running an operator over them.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { KeySelector } from '../../graph/operator-spec.ts';
import { OperatorHarness } from '../../testing/operator-harness.ts';
import type {
  OperatorHarnessOptions,
  OperatorResult,
  OperatorStep,
} from '../../testing/operator-harness.ts';
import type { Infer } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import type { KeyedStateBackend } from '../../state/keyed-state-backend.ts';
import type { Operator, OperatorContext } from '../operator.ts';

/** A record that says of itself what a model must know. */
export const Item = t.struct({ key: t.string, id: t.integer, at: t.integer });
export type Item = Infer<typeof Item>;
export const byKey: KeySelector = { select: (item: Item) => item.key, schema: undefined };

export type Event =
  | { readonly kind: 'record'; readonly side: 'left' | 'right'; readonly item: Item }
  | { readonly kind: 'watermark'; readonly at: number };

/**
 * Records of two sides out of order, on both sides of the watermarks between them, which ascend.
 */
export function events(options: { readonly maxLength: number }): fc.Arbitrary<readonly Event[]> {
  const side = fc.constantFrom('left' as const, 'right' as const);
  const record = fc.record({
    side,
    key: fc.constantFrom('a', 'a', 'b'),
    // Exactly at the watermark is where joins differ.
    ahead: fc.oneof(fc.constant(0), fc.integer({ min: -4, max: 12 })),
  });
  const step = fc.oneof(
    { weight: 3, arbitrary: record },
    { weight: 1, arbitrary: fc.record({ advance: fc.integer({ min: 1, max: 6 }) }) },
  );
  return fc.array(step, options).map((steps) => {
    let watermark = -3;
    return steps.map((next, id): Event => {
      if ('advance' in next) {
        watermark += next.advance;
        return { kind: 'watermark', at: watermark };
      }
      const item = { key: next.key, id, at: watermark + next.ahead };
      return { kind: 'record', side: next.side, item };
    });
  });
}

export function stepsOf(list: readonly Event[]): readonly OperatorStep[] {
  return list.map((event) =>
    event.kind === 'watermark'
      ? { kind: 'watermark', timestamp: event.at }
      : {
          kind: 'record',
          value: event.item,
          timestamp: event.item.at,
          input: event.side === 'left' ? 0 : 1,
        },
  );
}

/** Sees what an operator keeps. */
export interface Watched {
  readonly operator: Operator;
  readonly state: KeyedStateBackend;
}

export function watch(operator: Operator): Watched {
  let state: KeyedStateBackend | undefined;
  const open = operator.open.bind(operator);
  operator.open = (context: OperatorContext) => {
    state = context.keyedState;
    return open(context);
  };
  return {
    operator,
    get state() {
      return state!;
    },
  };
}

/** Runs all steps and the end of the input. */
export async function run(
  options: OperatorHarnessOptions,
  steps: readonly OperatorStep[],
): Promise<readonly OperatorResult[]> {
  const harness = new OperatorHarness(options);
  await harness.open();
  for (const step of steps) harness.step(step);
  harness.end();
  await harness.settle();
  if (harness.failure !== undefined) throw harness.failure;
  assert.equal(harness.ended, 'FINISHED');
  return harness.results;
}

/** The records of one output as texts, sorted, each with its time. */
export function outputOf(results: readonly OperatorResult[], tag?: string): readonly string[] {
  return results
    .flatMap((result) =>
      result.kind === 'record' && result.tag === tag
        ? [`${JSON.stringify(result.value)} @${result.timestamp}`]
        : [],
    )
    .toSorted();
}
