// Every trigger: when it fires, what of that survives a restore, and what merging makes of it.
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { isEngineError } from '../../../base/errors.ts';
import type { Duration } from '../../../base/units.ts';
import { state } from '../../../functions/state.ts';
import { trigger, type Trigger } from '../../../functions/trigger.ts';
import {
  globalWindow,
  session,
  tumbling,
  type Window,
  type WindowAssigner,
} from '../../../functions/window.ts';
import type { WindowSpec } from '../../../graph/operator-spec.ts';
import { t } from '../../../types/t.ts';
import { failureOf, outcomeOf, resultsOf, Row, windowsOf } from '../windows.test-kit.ts';

const ms = (n: number): Duration => n as Duration;
const ten = tumbling(ms(10));
const tenByClock = tumbling(ms(10), { time: 'processing' });
const gapTen = session(ms(10));
const purging = <T>(nested: Trigger<T>): Trigger<T> => trigger.purging(nested);

type Case = readonly [string, WindowAssigner<Row>, Trigger<Row>, string, string, Duration?];

const G = '[-Infinity,Infinity)';
const distance = (last: Row, value: Row): number => Math.abs(value.n - last.n);

const CASES: readonly Case[] = [
  // ------------------------------------------------------------------------------ event time
  ['event time', ten, trigger.eventTime(), 'a1@1 W8 a2@2 W9', 'a[0,10):1+2'],
  [
    'event time, jumping over windows',
    ten,
    trigger.eventTime(),
    'a1@1 a2@21 W50',
    'a[0,10):1 a[20,30):2',
  ],
  [
    'event time in the global window',
    globalWindow(),
    trigger.eventTime(),
    'a1@1 W99 b2@2',
    `| a${G}:1@9007199254740991 b${G}:2@9007199254740991`,
  ],
  [
    'early: so long after the first record since the last firing',
    ten,
    trigger.eventTime({ early: ms(100) }),
    'a1@1 +50 a2@2 +49 +1 +500 a3@3 +99 b4@4 +1 W9 +500',
    'a[0,10):1+2 a[0,10):1+2+3 a[0,10):1+2+3 b[0,10):4',
  ],
  [
    'early: not after the window has ended',
    ten,
    trigger.eventTime({ early: ms(100) }),
    'a1@1 +50 W9 +500',
    'a[0,10):1',
  ],
  [
    'late: each by default, also with early',
    ten,
    trigger.eventTime({ early: ms(100) }),
    'W9 a1@1 a2@2 +500',
    'a[0,10):1 a[0,10):1+2',
    ms(5),
  ],
  [
    'late: so long after the first one',
    ten,
    trigger.eventTime({ late: ms(100) }),
    'a1@1 W9 a2@2 +99 a3@3 +1 +500 a4@4 W13 W14',
    'a[0,10):1 a[0,10):1+2+3 a[0,10):1+2+3+4',
    ms(5),
  ],
  [
    'late: purging gives what is new',
    ten,
    purging(trigger.eventTime({ early: ms(10), late: ms(10) })),
    'a1@1 +10 a2@2 W9 a3@3 a4@4 +10 a5@5 W14',
    'a[0,10):1 a[0,10):2 a[0,10):3+4 a[0,10):5',
    ms(5),
  ],
  [
    'early in sessions that merge: the earliest stays',
    gapTen,
    trigger.eventTime({ early: ms(100) }),
    'a1@0 +60 a2@15 +30 a3@8 +10 +500 W99',
    'a[0,25):1+2+3 a[0,25):1+2+3',
  ],
  // ------------------------------------------------------------------------- processing time
  [
    'processing time',
    tenByClock,
    trigger.processingTime(),
    'a1 +9 a2 +1 a3 +10',
    'a[0,10):1+2 a[10,20):3',
  ],
  ['the clock jumps', tenByClock, trigger.processingTime(), 'a1 b2 +1000', 'a[0,10):1 b[0,10):2'],
  // ----------------------------------------------------------------------------------- count
  ['count', ten, trigger.count(2), 'a1@1 a2@2 b3@3 a4@4 a5@5', 'a[0,10):1+2 a[0,10):1+2+4+5'],
  [
    'count, purging',
    globalWindow(),
    purging(trigger.count(2)),
    'a1@1 a2@2 a3@3 a4@4',
    `a${G}:1+2@2 a${G}:3+4@4`,
  ],
  ['count of 1', ten, trigger.count(1), 'a1@1 b2@1', 'a[0,10):1 b[0,10):2'],
  [
    'counts add up where sessions merge',
    gapTen,
    trigger.count(3),
    'a1@0 a2@15 a3@8 a4@9',
    'a[0,25):1+2+3',
  ],
  [
    'a count that merging lifts above the limit fires at the record',
    gapTen,
    trigger.count(4),
    'a1@0 a2@0 a3@0 a4@15 a5@15 a6@8',
    'a[0,25):1+2+3+4+5+6',
  ],
  // ----------------------------------------------------------------------------------- delta
  [
    'delta: further than the threshold from what fired last',
    globalWindow(),
    trigger.delta(3, distance, Row),
    'a1@1 a4@2 a5@3 a6@4 a9@5 b50@6 b54@7',
    `a${G}:1+4+5@3 a${G}:1+4+5+6+9@5 b${G}:50+54@7`,
  ],
  // ------------------------------------------------------------------------------ continuous
  [
    'continuous by event time: at multiples and at the end',
    ten,
    trigger.continuousEventTime(ms(4)),
    'a1@1 W3 W4 a2@5 W8 a3@6 W10',
    'a[0,10):1 a[0,10):1+2 a[0,10):1+2+3',
  ],
  [
    'continuous by event time: once for each multiple that a watermark passes',
    ten,
    trigger.continuousEventTime(ms(4)),
    'a1@1 W20',
    'a[0,10):1 a[0,10):1 a[0,10):1',
  ],
  [
    'continuous before 1970',
    tumbling(ms(100)),
    trigger.continuousEventTime(ms(5)),
    'a1@-7 W-6 W-5 W-4',
    'a[-100,0):1 | a[-100,0):1',
  ],
  [
    'continuous in the global window: once more at the end',
    globalWindow(),
    trigger.continuousEventTime(ms(5)),
    'a1@1 W5 a2@7 W8',
    `a${G}:1@5 | a${G}:1+2@9007199254740991`,
  ],
  [
    'continuous in a window that is long: the end of input fires once',
    tumbling(ms(1e10)),
    trigger.continuousEventTime(ms(1)),
    'a1@0 W2 a2@1',
    'a[0,10000000000):1 a[0,10000000000):1 | a[0,10000000000):1+2',
  ],
  [
    'continuous in sessions that merge',
    gapTen,
    trigger.continuousEventTime(ms(4)),
    'a1@1 a2@14 a3@8 W3 W4 W99',
    'a[1,24):1+2+3 a[1,24):1+2+3 a[1,24):1+2+3 a[1,24):1+2+3 a[1,24):1+2+3 a[1,24):1+2+3',
  ],
  [
    'continuous by processing time: at multiples, and at the end of a window of the clock',
    tenByClock,
    trigger.continuousProcessingTime(ms(4)),
    '+1 a1 +2 +1 a2 +4 +1 a3 +1 +50',
    'a[0,10):1 a[0,10):1+2 a[0,10):1+2+3',
  ],
  [
    'continuous by processing time in a window of event time',
    ten,
    trigger.continuousProcessingTime(ms(4)),
    '+1 a1@1 +3 a2@2 +4 W50 +50',
    'a[0,10):1 a[0,10):1+2',
  ],
  // -------------------------------------------------------------------------------- time-out
  [
    'time-out: from the first record',
    globalWindow(),
    purging(trigger.timeout(trigger.count(3), ms(100))),
    'a1 +60 a2 +40 a3 a4 a5 +500 a6 +100',
    `a${G}:1+2@100 a${G}:3+4+5@- a${G}:6@700`,
  ],
  [
    'time-out: anew at each record',
    globalWindow(),
    purging(trigger.timeout(trigger.count(3), ms(100), { resetOnElement: true })),
    'a1 +60 a2 +60 +40 a3 +99 a4 +100',
    `a${G}:1+2@160 a${G}:3+4@359`,
  ],
  [
    'time-out: put off, it leaves what the nested trigger has planned for the same time',
    globalWindow(),
    trigger.timeout(trigger.continuousProcessingTime(ms(10)), ms(10), { resetOnElement: true }),
    '+10 a1 +5 a2 +5 +50',
    `a${G}:1+2@20`,
  ],
  [
    'time-out: the count starts anew, unless it must not',
    globalWindow(),
    trigger.timeout(trigger.count(3), ms(100)),
    'a1 a2 +100 a3 a4 a5',
    `a${G}:1+2@100 a${G}:1+2+3+4+5@-`,
  ],
  [
    'time-out: the count goes on',
    globalWindow(),
    trigger.timeout(trigger.count(3), ms(100), { clearOnTimeout: false }),
    'a1 a2 +100 a3 a4 a5',
    `a${G}:1+2@100 a${G}:1+2+3@-`,
  ],
  [
    'time-out: again after the next record, also where the nested trigger goes on',
    globalWindow(),
    purging(trigger.timeout(trigger.count(9), ms(100), { clearOnTimeout: false })),
    'a1 +50 a2 +50 +500 a3 +99 a4 +1 +500 b5 +100',
    `a${G}:1+2@100 a${G}:3+4@700 b${G}:5@1300`,
  ],
  [
    'time-out: by event time of the nested trigger, which goes on',
    globalWindow(),
    trigger.timeout(trigger.continuousEventTime(ms(10)), ms(100), { clearOnTimeout: false }),
    'a1@1 +50 W10 +100 a2@12 +99 +1',
    `a${G}:1@10 a${G}:1+2@250 | a${G}:1+2@20 a${G}:1+2@9007199254740991`,
  ],
  [
    'time-out in windows of event time: the end fires too',
    ten,
    trigger.timeout(trigger.count(3), ms(100)),
    'a1@1 W9 +500 a2@12 +100 W30',
    'a[0,10):1 a[10,20):2 a[10,20):2',
  ],
  [
    'time-out around event time: the window is cleared all the same',
    ten,
    trigger.timeout(trigger.eventTime(), ms(100)),
    'a1@1 +100 W9 a2@2',
    'a[0,10):1 a[0,10):1',
  ],
  // ----------------------------------------------------------------------------------- never
  ['never', ten, trigger.never(), 'a1@1 W50', ''],
];

for (const [what, assigner, wanted, script, expected, allowedLateness = ms(0)] of CASES) {
  test(what, async () => {
    const spec = windowsOf(assigner, { trigger: wanted, allowedLateness });
    assert.equal(await resultsOf(spec, script), expected);
  });
}

const DECLARED = {
  seen: state.reducing(t.integer, (a, b) => a + b),
  all: state.list(t.string),
  planned: state.value(t.integer),
};

function custom(
  fn: Parameters<typeof trigger.custom<Row, typeof DECLARED>>[0],
): Partial<WindowSpec> {
  return { trigger: trigger.custom<Row, typeof DECLARED>({ state: DECLARED, ...fn }) };
}

describe('triggers of one’s own', () => {
  it('answer in every way, with state of key and window', async () => {
    const spec = windowsOf(
      ten,
      custom({
        onElement(row, ctx) {
          ctx.state.seen.add(1);
          if (row.n === 0) return 'purge';
          if (row.n === 9) return 'fire-and-purge';
          return ctx.state.seen.get() === 3 ? 'fire' : 'continue';
        },
      }),
    );
    assert.equal(
      await resultsOf(spec, 'a1@1 a2@2 b1@1 a3@3 a0@4 a4@5 a9@6 a5@7 a9@7 a1@11 a2@11 a3@11'),
      'a[0,10):1+2+3 a[0,10):4+9 a[0,10):5+9 a[10,20):1+2+3',
    );
  });

  it('have timers of both times, and delete them', async () => {
    const spec = windowsOf(
      globalWindow(),
      custom({
        onElement(row, ctx) {
          const at = (ctx.timestamp! + row.n) as never;
          const planned = ctx.state.planned.get();
          if (planned !== undefined) ctx.timers.deleteEventTime(planned as never);
          ctx.timers.onEventTime(at);
          ctx.state.planned.set(at);
          ctx.timers.onProcessingTime((ctx.processingTime + 100) as never);
          if (row.n === 7) ctx.timers.deleteProcessingTime((ctx.processingTime + 100) as never);
          return 'continue';
        },
        onEventTime: (at, ctx) => (at <= ctx.watermark ? 'fire' : 'continue'),
        onProcessingTime: () => 'fire-and-purge',
      }),
    );
    assert.equal(
      await resultsOf(spec, 'a5@1 a6@2 W7 W8 +50 b7@1 W8 +50 W9'),
      `a${G}:5+6@8 a${G}:5+6@100 b${G}:7@8`,
    );
  });

  it('merge their state, and are told of which windows', async () => {
    const merges: (readonly Window[])[] = [];
    const spec = windowsOf(
      gapTen,
      custom({
        onElement(row, ctx) {
          ctx.state.seen.add(1);
          ctx.state.all.add(String(row.n));
          return ctx.state.seen.get()! >= 3 ? 'fire' : 'continue';
        },
        onMerge(ctx) {
          merges.push(ctx.merged);
          ctx.mergeState('seen');
          ctx.mergeState('all');
        },
        onEventTime: (_at, ctx) =>
          [...ctx.state.all.values()].join('') === '123' ? 'fire' : 'continue',
      }),
    );
    assert.equal(await resultsOf(spec, 'a1@0 a2@15 a3@8 W30'), 'a[0,25):1+2+3 a[0,25):1+2+3');
    assert.deepEqual(merges[0], [
      { start: 0, end: 10 },
      { start: 15, end: 25 },
    ]);
  });

  it('cannot merge a value', async () => {
    const spec = windowsOf(
      gapTen,
      custom({ onElement: () => 'continue', onMerge: (ctx) => ctx.mergeState('planned' as never) }),
    );
    const error = await failureOf(spec, 'USER_CODE_UNKNOWN_STATE', 'a1@0 a2@5');
    assert.match(error.message, /"windows" has no state "planned" that can be merged/);
  });

  it('are cleared with the window', async () => {
    const cleared: string[] = [];
    const spec = windowsOf(
      ten,
      custom({
        onElement(_row, ctx) {
          ctx.state.seen.add(1);
          return 'continue';
        },
        clear: (ctx) => {
          cleared.push(`${ctx.window.start}:${ctx.state.seen.get()}`);
        },
      }),
    );
    await outcomeOf(spec, 'a1@1 a2@2 W9');
    assert.deepEqual(cleared, ['0:2']);
  });

  it('that answer nonsense are refused', async () => {
    const answer = async (result: unknown): Promise<string> =>
      (
        await failureOf(
          windowsOf(ten, custom({ onElement: () => result as never })),
          'USER_CODE_BAD_TRIGGER_RESULT',
          'a1@1',
        )
      ).message;
    assert.match(await answer(undefined), /onElement .* trigger of "windows" returned undefined/);
    assert.match(await answer('FIRE'), /returned "FIRE"/);
    const waits = windowsOf(ten, custom({ onElement: (async () => 'fire') as never }));
    assert.ok(await failureOf(waits, 'USER_CODE_ASYNC', 'a1@1'));
    const throws = windowsOf(
      ten,
      custom({
        onElement() {
          throw new Error('no');
        },
      }),
    );
    assert.match(
      (await failureOf(throws, 'USER_CODE_FAILED', 'a1@1')).message,
      /The onElement function of "windows" threw: no/,
    );
  });

  it('must not keep their context', async () => {
    const kept: { readonly timers: { onEventTime(at: never): void } }[] = [];
    const spec = windowsOf(
      ten,
      custom({
        onElement(_row, ctx) {
          kept.push(ctx);
          return 'continue';
        },
      }),
    );
    await outcomeOf(spec, 'a1@1');
    assert.throws(
      () => kept[0]!.timers.onEventTime(1 as never),
      (error) => isEngineError(error, 'USER_CODE_OUTSIDE_CALL'),
    );
  });

  it('cannot delete the timer that clears the window', async () => {
    const spec = windowsOf(ten, {
      ...custom({
        onElement(_row, ctx) {
          ctx.timers.deleteEventTime((ctx.window.end - 1) as never);
          return 'continue';
        },
        clear: () => {
          cleared += 1;
        },
      }),
    });
    let cleared = 0;
    await outcomeOf(spec, 'a1@1 a2@2 W9');
    assert.equal(cleared, 1);
  });
});

test('triggers within triggers have state of their own', async () => {
  const spec = windowsOf(globalWindow(), {
    trigger: trigger.timeout(trigger.timeout(trigger.count(9), ms(10)), ms(25)),
  });
  assert.equal(await resultsOf(spec, 'a1 +10 a2 +10 +50'), `a${G}:1@10 a${G}:1+2@20`);
});

test('a trigger that needs event time names the record that has none', async () => {
  const spec = windowsOf(globalWindow(), { trigger: trigger.continuousEventTime(ms(5)) });
  assert.match(
    (await failureOf(spec, 'DATA_NO_TIMESTAMP', 'a1')).message,
    /"windows" needs event time/,
  );
});
