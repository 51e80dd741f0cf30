/** Timers of users' keyed functions, held to the operator contract. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { milliseconds } from '../base/units.ts';
import type { Timestamp } from '../base/units.ts';
import type {
  KeyedBroadcastProcessFunction,
  KeyedCoProcessFunction,
  KeyedProcessFunction,
  OnTimerContext,
} from '../functions/process-function.ts';
import { state } from '../functions/state.ts';
import { OperatorHarness } from '../testing/operator-harness.ts';
import type { OperatorResult, OperatorStep } from '../testing/operator-harness.ts';
import { verifyOperator } from '../testing/verify-operator.ts';
import { t } from '../types/index.ts';
import { KeyedBroadcastProcessOperator } from './broadcast-process-operator.ts';
import { KeyedCoProcessOperator } from './co-process-operator.ts';
import { KeyedProcessOperator } from './process-operator.ts';

interface Visit {
  readonly user: string;
  readonly wait: number;
}

type Function = KeyedProcessFunction<Visit, string, string, any, any>;
const byUser = { select: ({ user }: Visit) => user, schema: undefined };
const at = (time: number): Timestamp => time as Timestamp;

function visit(user: string, timestamp: number, wait: number): OperatorStep {
  return { kind: 'record', value: { user, wait }, timestamp };
}

function watermark(timestamp: number): OperatorStep {
  return { kind: 'watermark', timestamp };
}

function advance(by: number): OperatorStep {
  return { kind: 'advance', by: milliseconds(by) };
}

/** Records `value@timestamp`, control left out. */
function shown(results: readonly OperatorResult[]): string[] {
  return results.flatMap((result) =>
    result.kind === 'record' ? [`${String(result.value)}@${result.timestamp}`] : [],
  );
}

function told(user: string, at_: number, ctx: OnTimerContext<any, string, any, any>): string {
  return `${user} ${ctx.timeDomain} ${at_} at watermark ${ctx.watermark}`;
}

const reminder: Function = {
  emits: t.string,
  onElement({ wait }, ctx) {
    ctx.timers.onEventTime(at(ctx.timestamp! + wait));
  },
  onTimer(due, ctx) {
    ctx.emit(told(ctx.key, due, ctx));
  },
};

async function verified(fn: Function, steps: readonly OperatorStep[]): Promise<string[]> {
  const results = await verifyOperator({
    create: () => new KeyedProcessOperator(byUser, fn),
    keys: [byUser],
    output: t.string,
    steps,
  });
  return shown(results);
}

async function failure(fn: Function, ...steps: readonly OperatorStep[]): Promise<string> {
  const harness = new OperatorHarness({
    operator: new KeyedProcessOperator(byUser, fn),
    inputs: 1,
    keys: [byUser],
    output: t.string,
  });
  await harness.open();
  for (const step of steps) harness.step(step);
  await harness.settle();
  return harness.failure?.code ?? 'none';
}

describe('timers of event time', () => {
  it('T1: fire in order of time, each key its own, before what is behind the watermark', async () => {
    const results = await verified(reminder, [
      visit('a', 10, 30),
      visit('b', 12, 8),
      visit('a', 15, 5),
      watermark(19),
      watermark(20),
      watermark(45),
    ]);
    assert.deepEqual(results.slice(0, 3).toSorted(), [
      'a event 20 at watermark 20@20',
      'a event 40 at watermark 45@40',
      'b event 20 at watermark 20@20',
    ]);
    assert.equal(results.at(-1), 'a event 40 at watermark 45@40');
  });

  it('are one where a key registers the same time again', async () => {
    const results = await verified(reminder, [visit('a', 10, 5), visit('a', 5, 10), watermark(15)]);
    assert.deepEqual(results, ['a event 15 at watermark 15@15']);
  });

  it('can be deleted, of one key only', async () => {
    const results = await verified(
      {
        ...reminder,
        onElement({ wait }, ctx) {
          const due = at(ctx.timestamp! + Math.abs(wait));
          if (wait < 0) ctx.timers.deleteEventTime(due);
          else ctx.timers.onEventTime(due);
        },
      },
      [visit('a', 10, 5), visit('b', 10, 5), visit('a', 10, -5), visit('c', 10, -5), watermark(99)],
    );
    assert.deepEqual(results, ['b event 15 at watermark 99@15']);
  });

  it('registered behind the watermark fire with the next one', async () => {
    // A restore is followed by the watermark that the source had reached.
    const quiet: Function = { ...reminder, onTimer: (due, ctx) => ctx.emit(`${due}`) };
    const results = await verified(quiet, [
      visit('a', 1, 0),
      watermark(50),
      visit('a', 10, 1),
      watermark(51),
    ]);
    assert.deepEqual(results, ['1@1', '11@11']);
  });

  it('all fire at the end of the input', async () => {
    const results = await verified(reminder, [visit('a', 10, 1_000_000)]);
    assert.deepEqual(results, ['a event 1000010 at watermark Infinity@1000010']);
  });

  it('registered by a timer fire in the same advance if they are due', async () => {
    const results = await verified(
      {
        ...reminder,
        onTimer(due, ctx) {
          ctx.emit(`${due}`);
          if (due < 14) ctx.timers.onEventTime(at(due + 1));
        },
      },
      [visit('a', 10, 2), watermark(13), watermark(14)],
    );
    assert.deepEqual(results, ['12@12', '13@13', '14@14']);
  });

  it('may lie before 1970', async () => {
    const results = await verified(reminder, [visit('a', -20, 5), watermark(-15)]);
    assert.deepEqual(results, ['a event -15 at watermark -15@-15']);
  });

  it('see and change the state of their key', async () => {
    const seen = { seen: state.value(t.int32, { initial: 0 }) };
    const counting: KeyedProcessFunction<Visit, string, string, typeof seen> = {
      emits: t.string,
      state: seen,
      onElement({ wait }, ctx) {
        ctx.state.seen.set(ctx.state.seen.get() + 1);
        ctx.timers.onEventTime(at(ctx.timestamp! + wait));
      },
      onTimer(_due, ctx) {
        ctx.emit(`${ctx.key}: ${ctx.state.seen.get()}`);
        ctx.state.seen.clear();
      },
    };
    const results = await verified(counting as Function, [
      visit('a', 1, 5),
      visit('b', 1, 4),
      visit('a', 1, 5),
      watermark(6),
      visit('a', 7, 1),
    ]);
    assert.deepEqual(results, ['b: 1@5', 'a: 2@6', 'a: 1@8']);
  });
});

describe('timers of processing time', () => {
  const alarm: Function = {
    emits: t.string,
    onElement({ wait }, ctx) {
      ctx.timers.onProcessingTime(at(ctx.processingTime + wait));
    },
    onTimer(due, ctx) {
      ctx.emit(`${ctx.key} ${ctx.timeDomain} ${due} ${ctx.timestamp === undefined}`);
    },
  };

  it('fire when the clock has come to them, without a timestamp', async () => {
    const results = await verified(alarm, [
      visit('a', 10, 30),
      visit('b', 10, 20),
      advance(19),
      advance(1),
      visit('c', 10, 0),
      advance(100),
    ]);
    assert.deepEqual(results, [
      'b processing 20 true@-Infinity',
      'c processing 20 true@-Infinity',
      'a processing 30 true@-Infinity',
    ]);
  });

  it('do not fire at the end of the input', async () => {
    assert.deepEqual(await verified(alarm, [visit('a', 10, 30)]), []);
  });
});

describe('timers of functions with two inputs', () => {
  it('are shared by both sides of a key', async () => {
    const fn: KeyedCoProcessFunction<Visit, Visit, string, string> = {
      emits: t.string,
      onLeft: ({ wait }, ctx) => ctx.timers.onEventTime(at(ctx.timestamp! + wait)),
      onRight: ({ wait }, ctx) => ctx.timers.deleteEventTime(at(ctx.timestamp! + wait)),
      onTimer: (due, ctx) => ctx.emit(told(ctx.key, due, ctx)),
    };
    const results = await verifyOperator({
      create: () => new KeyedCoProcessOperator(byUser, byUser, fn),
      inputs: 2,
      keys: [byUser, byUser],
      output: t.string,
      steps: [
        visit('a', 1, 5),
        visit('b', 1, 5),
        { kind: 'record', value: { user: 'a', wait: 4 }, timestamp: 2, input: 1 },
        { kind: 'watermark', timestamp: 10, input: 0 },
        { kind: 'watermark', timestamp: 8, input: 1 },
      ],
    });
    assert.deepEqual(shown(results), ['b event 6 at watermark 8@6']);
  });

  it('read what was broadcast', async () => {
    const names = state.broadcast('names', t.string, t.string);
    const fn: KeyedBroadcastProcessFunction<Visit, string, string, string> = {
      emits: t.string,
      onElement: ({ wait }, ctx) => ctx.timers.onEventTime(at(ctx.timestamp! + wait)),
      onBroadcast: (name, ctx) => ctx.broadcast(names).set('a', name),
      onTimer: (due, ctx) => ctx.emit(`${ctx.broadcast(names).get(ctx.key) ?? '?'} ${due}`),
    };
    const results = await verifyOperator({
      create: () => new KeyedBroadcastProcessOperator(byUser, [names], fn),
      inputs: 2,
      keys: [byUser, undefined],
      output: t.string,
      steps: [
        visit('a', 1, 5),
        { kind: 'record', value: 'ada', timestamp: 2, input: 1 },
        watermark(9),
      ],
    });
    assert.deepEqual(shown(results), ['ada 6@6']);
  });
});

describe('mistakes with timers', () => {
  it('a time that is none', async () => {
    for (const time of [NaN, Infinity, 1.5, undefined as unknown as number]) {
      const fn: Function = { ...reminder, onElement: (_, ctx) => ctx.timers.onEventTime(at(time)) };
      assert.equal(await failure(fn, visit('a', 1, 1)), 'USER_CODE_INVALID_TIMER', String(time));
    }
  });

  it('no onTimer', async () => {
    const without: Function = { ...reminder, onTimer: undefined! };
    assert.equal(await failure(without, visit('a', 1, 1)), 'USER_CODE_NO_ON_TIMER');
  });

  it('an async onTimer', async () => {
    // oxlint-disable-next-line typescript/no-misused-promises
    const fn: Function = { ...reminder, onTimer: async () => undefined };
    assert.equal(await failure(fn, visit('a', 1, 1), watermark(9)), 'USER_CODE_ASYNC');
  });

  it('an onTimer that throws', async () => {
    const fn: Function = {
      ...reminder,
      onTimer() {
        throw new Error('no');
      },
    };
    assert.equal(await failure(fn, visit('a', 1, 1), watermark(9)), 'USER_CODE_FAILED');
  });

  it('timers used outside of the call', async () => {
    let kept: { onEventTime(time: Timestamp): void } | undefined;
    const fn: Function = {
      ...reminder,
      onElement(_, ctx) {
        if (kept === undefined) kept = ctx.timers;
      },
    };
    assert.equal(await failure(fn, visit('a', 1, 1)), 'none');
    assert.throws(() => kept!.onEventTime(at(1)), { code: 'USER_CODE_OUTSIDE_CALL' });
  });
});

it('a timer that registers itself for ever at the end of event time is warned of, once', async () => {
  const warnings: string[] = [];
  const many = 1_100_000;
  let fired = 0;
  const again: Function = {
    emits: t.string,
    onElement(_visit, ctx) {
      ctx.timers.onEventTime(at(1000));
    },
    onTimer(due, ctx) {
      fired += 1;
      if (fired < many) ctx.timers.onEventTime(at(due + 1000));
    },
  };
  const logger = { debug: () => {}, info: () => {}, error: () => {} };
  const harness = new OperatorHarness({
    operator: new KeyedProcessOperator(byUser, again),
    inputs: 1,
    keys: [byUser],
    output: t.string,
    open: { logger: { ...logger, warn: (text: string) => void warnings.push(text) } },
  });
  await harness.open();
  harness.step(visit('ada', 0, 0));
  harness.step(watermark(5000));
  assert.deepEqual([fired, warnings], [5, []]);
  harness.step(watermark(Infinity));
  assert.equal(fired, many);
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0]!,
    /^"operator" has fired \d{7} timers at the end of event time, the last one for 1970-01-\d\dT.*do not register them when ctx\.watermark is Infinity\.$/,
  );
  await harness.close();
});
