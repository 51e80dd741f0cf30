// What windows give: assigners, lateness, contents, functions, results. Scripts as in the test kit.
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { isEngineError } from '../../base/errors.ts';
import type { Duration, Timestamp } from '../../base/units.ts';
import { count, sumOf } from '../../functions/aggregates.ts';
import {
  state,
  type ReducingState,
  type StateDescriptor,
  type ValueState,
} from '../../functions/state.ts';
import { canMerge, trigger } from '../../functions/trigger.ts';
import type { KeyedWindowFunction } from '../../functions/window-function.ts';
import {
  cumulating,
  customWindows,
  globalWindow,
  isMerging,
  session,
  sliding,
  tumbling,
  type WindowAssigner,
} from '../../functions/window.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import { t } from '../../types/t.ts';
import { failureOf, outcomeOf, resultsOf, windowsOf, type Row } from './windows.test-kit.ts';

type Firings = { readonly firings: StateDescriptor<ValueState<number>> };
type Total = { readonly total: StateDescriptor<ReducingState<number>> };

const ms = (n: number): Duration => n as Duration;
const at = (n: number): Timestamp => n as Timestamp;
const processing = { time: 'processing' } as const;

const ASSIGNERS: readonly (readonly [string, WindowAssigner<Row>, string, string])[] = [
  [
    'tumbling: by floor, also before 1970',
    tumbling(ms(10)),
    'a1@-11 a2@-10 a3@-1 a4@0 a5@9 a6@10 W100',
    'a[-20,-10):1 a[-10,0):2+3 a[0,10):4+5 a[10,20):6',
  ],
  [
    'tumbling with offsets, below 0 too',
    tumbling(ms(10), { offset: ms(-3) }),
    'a1@-4 a2@-3 a3@6 a4@7 W100',
    'a[-13,-3):1 a[-3,7):2+3 a[7,17):4',
  ],
  [
    'tumbling by key',
    tumbling(ms(10)),
    'a1@1 b2@1 a3@2 W9 b4@12',
    'a[0,10):1+3 b[0,10):2 | b[10,20):4',
  ],
  ['a window fires with its last millisecond', tumbling(ms(10)), 'a1@1 W8', '| a[0,10):1'],
  [
    'sliding: in size / slide windows',
    sliding(ms(10), ms(5)),
    'a1@-1 a2@7 W100',
    'a[-10,0):1 a[-5,5):1 a[0,10):2 a[5,15):2',
  ],
  [
    'sliding that does not divide: in as many as hold it',
    sliding(ms(5), ms(3)),
    'a1@0 a2@2 a3@3 W100',
    'a[-3,2):1 a[0,5):1+2+3 a[3,8):3',
  ],
  [
    'a slide above the size leaves gaps',
    sliding(ms(2), ms(10)),
    'a1@-9 a2@-8 a3@1 a4@2 a5@9 a6@10 W100',
    'a[-10,-8):1 a[0,2):3 a[10,12):6',
  ],
  [
    'cumulating: from the beginning up to each step',
    cumulating(ms(9), ms(3)),
    'a1@-9 a2@0 a3@4 a4@8 W100',
    'a[-9,-6):1 a[-9,-3):1 a[-9,0):1 a[0,3):2 a[0,6):2+3 a[0,9):2+3+4',
  ],
  [
    'sessions merge where they touch',
    session(ms(10)),
    'a1@0 a2@10 a3@21 b4@5 W100',
    'b[5,15):4 a[0,20):1+2 a[21,31):3',
  ],
  ['a record that joins two sessions', session(ms(10)), 'a1@0 a2@15 a3@8 W100', 'a[0,25):1+2+3'],
  ['sessions before 1970', session(ms(10)), 'a1@-25 a2@-20 a3@-5 W100', 'a[-25,-10):1+2 a[-5,5):3'],
  [
    'a gap of the record',
    session((row) => ms(row.n)),
    'a5@0 a20@4 a1@30 W100',
    'a[0,24):5+20 a[30,31):1',
  ],
  [
    'windows of one’s own, none for some',
    customWindows({
      assign: (row: Row, time) => (row.n < 0 ? [] : [{ start: time, end: at(time + row.n) }]),
    }),
    'a5@0 a-1@0 a2@0 W100',
    'a[0,2):2 a[0,5):5',
  ],
  [
    'windows of one’s own that merge',
    customWindows({
      merging: true,
      assign: (row: Row, time) => [{ start: time, end: at(time + row.n) }],
    }),
    'a5@0 a5@5 a2@20 W100',
    'a[0,10):5+5 a[20,22):2',
  ],
  ['processing time', tumbling(ms(10), processing), 'a1 +9 a2 +1 a3 +20', 'a[0,10):1+2 a[10,20):3'],
  [
    'sliding by processing time',
    sliding(ms(10), ms(5), processing),
    '+5 a1 +20',
    'a[0,10):1 a[5,15):1',
  ],
  [
    'sessions by processing time',
    session(ms(10), processing),
    'a1 +9 a2 +11 a3 +10',
    'a[0,19):1+2 a[20,30):3',
  ],
  [
    'cumulating by processing time',
    cumulating(ms(4), ms(2), processing),
    '+1 a1 +9',
    'a[0,2):1 a[0,4):1',
  ],
];

for (const [what, assigner, script, expected] of ASSIGNERS) {
  test(what, async () => {
    assert.equal(await resultsOf(windowsOf(assigner), script), expected);
  });
}

describe('stagger', () => {
  const starts = async (
    stagger: 'random' | 'natural',
    subtask: number,
    script: string,
  ): Promise<string> =>
    (await outcomeOf(windowsOf(tumbling(ms(100), { stagger })), script, { subtask })).out;

  it('random: a shift that each subtask always has', async () => {
    const found = new Set<string>();
    for (let subtask = 0; subtask < 5; subtask += 1) {
      const first = await starts('random', subtask, 'a1@1000');
      assert.equal(await starts('random', subtask, '+77 a1@1000'), first);
      found.add(first);
    }
    assert.ok(found.size >= 3, [...found].join(' '));
  });

  it('natural: windows begin as the first record comes, and go on so', async () => {
    assert.equal(
      await starts('natural', 0, '+130 a1@1000 +5 a2@1099'),
      '| a[930,1030):1 a[1030,1130):2',
    );
    const spec = windowsOf(tumbling(ms(100), { stagger: 'natural' }));
    assert.equal(
      await resultsOf(spec, '+130 a1@1000 +5 a2@1031'),
      '| a[930,1030):1 a[1030,1130):2',
    );
  });
});

const LATENESS: readonly (readonly [string, Partial<WindowSpec>, string, string, object])[] = [
  [
    'at once: the window is gone with its last millisecond',
    {},
    'a1@1 W9 a2@2 a3@9 a4@10',
    'a[0,10):1 | a[10,20):4',
    { numLateRecordsDropped: 2 },
  ],
  [
    'allowed: the window fires again for each',
    { allowedLateness: ms(5) },
    'a1@1 W9 a2@2 W13 a3@3 W14 a4@4',
    'a[0,10):1 a[0,10):1+2 a[0,10):1+2+3',
    { numLateRecordsDropped: 1 },
  ],
  [
    'the window is kept though the record is later than allowed',
    { allowedLateness: ms(5) },
    'W13 a1@9 a2@0',
    'a[0,10):1 a[0,10):1+2',
    {},
  ],
  [
    'purged when it fires, so that only what is late comes again',
    { allowedLateness: ms(5), trigger: trigger.purging(trigger.eventTime()) },
    'a1@1 W9 a2@2 a3@3',
    'a[0,10):1 a[0,10):2 a[0,10):3',
    {},
  ],
];

for (const [what, more, script, expected, counters] of LATENESS) {
  test(`late: ${what}`, async () => {
    const spec = windowsOf(tumbling(ms(10)), more);
    const outcome = await outcomeOf(spec, script);
    assert.deepEqual([outcome.out, outcome.counters], [expected, counters]);
    assert.equal(await resultsOf(spec, script), expected);
  });
}

describe('late records', () => {
  it('go to the side output if somebody reads it, with their time', async () => {
    const { out, counters } = await outcomeOf(windowsOf(tumbling(ms(10))), 'a1@1 W9 a2@2', {
      late: true,
    });
    assert.equal(out, 'a[0,10):1 late:a2@2');
    assert.deepEqual(counters, {});
  });

  it('are late once, though late for several windows; one open window is enough', async () => {
    const spec = windowsOf(sliding(ms(10), ms(5)));
    const { out, counters } = await outcomeOf(spec, 'W9 a1@4 a2@7');
    assert.equal(out, '| a[5,15):2');
    assert.deepEqual(counters, { numLateRecordsDropped: 1 });
  });

  it('in a gap between windows only if they are late themselves', async () => {
    const spec = windowsOf(sliding(ms(2), ms(10)));
    const { counters } = await outcomeOf(spec, 'W9 a1@5 a2@15');
    assert.deepEqual(counters, { numLateRecordsDropped: 1 });
  });

  it('come to a session that is still open, and make none anew', async () => {
    const spec = windowsOf(session(ms(10)));
    assert.equal(await resultsOf(spec, 'a1@10 W15 a2@3 a3@0 W30', { late: true }), 'a[0,20):1+2+3');
    const { out, counters } = await outcomeOf(spec, 'a1@20 W15 a2@3 W40');
    assert.equal(out, 'a[20,30):1');
    assert.deepEqual(counters, { numLateRecordsDropped: 1 });
  });

  it('a late record within the lateness extends a session that has fired', async () => {
    const spec = windowsOf(session(ms(10)), { allowedLateness: ms(20) });
    assert.equal(
      await resultsOf(spec, 'a1@0 W12 a2@8 W20 a3@25 W60'),
      'a[0,10):1 a[0,18):1+2 a[25,35):3',
    );
  });

  it('there are none of processing time', async () => {
    const spec = windowsOf(tumbling(ms(10), processing));
    const { out, counters } = await outcomeOf(spec, 'W1000 a1@1 +10');
    assert.equal(out, 'a[0,10):1');
    assert.deepEqual(counters, {});
  });
});

describe('contents', () => {
  const sum = (a: Row, b: Row): Row => ({ key: a.key, n: a.n + b.n });

  it('reduce, aggregate and the rolling functions', async () => {
    const script = 'a3@1 a1@2 a5@3 a1@4 W9';
    const value = async (contents: WindowSpec['contents']): Promise<string> =>
      resultsOf(windowsOf(tumbling(ms(10)), { contents }), script);
    assert.equal(await value({ kind: 'reduce', reduce: sum }), 'a[0,10):10');
    assert.equal(await value({ kind: 'aggregate', aggregate: count() }), 'a[0,10):4');
    assert.equal(
      await value({ kind: 'aggregate', aggregate: sumOf((row: Row) => row.n) }),
      'a[0,10):10',
    );
    for (const [rolling, wanted] of [
      ['sum', 10],
      ['min', 1],
      ['max', 5],
      ['minBy', 1],
      ['maxBy', 5],
    ] as const) {
      assert.equal(await value({ kind: 'rolling', rolling, field: 'n' }), `a[0,10):${wanted}`);
    }
  });

  it('merge with their windows', async () => {
    const merged = async (contents: WindowSpec['contents']): Promise<string> =>
      resultsOf(windowsOf(session(ms(10)), { contents }), 'a1@0 a2@15 a4@30 a8@23 a16@8 W99');
    assert.equal(await merged({ kind: 'reduce', reduce: sum }), 'a[0,40):31');
    assert.equal(await merged({ kind: 'aggregate', aggregate: count() }), 'a[0,40):5');
  });

  it('of all records, without a key', async () => {
    const spec = windowsOf(tumbling(ms(10)), {
      keyed: false,
      key: { select: () => 0, schema: t.int32 },
      contents: { kind: 'aggregate', aggregate: count() },
    });
    assert.equal(await resultsOf(spec, 'a1@1 b2@2 W9'), '[0,10):2');
  });

  it('what a function throws names it', async () => {
    const fails = (): never => {
      throw new Error('no');
    };
    const reduce = windowsOf(tumbling(ms(10)), { contents: { kind: 'reduce', reduce: fails } });
    const error = await failureOf(reduce, 'USER_CODE_FAILED', 'a1@1 a2@2');
    assert.match(error.message, /The reduce function of "windows" threw: no/);
    const async = windowsOf(tumbling(ms(10)), {
      contents: { kind: 'reduce', reduce: async (a: Row) => a },
    });
    assert.ok(await failureOf(async, 'USER_CODE_ASYNC', 'a1@1 a2@2'));
  });

  it('a function that returns nothing is named, and did not throw', async () => {
    const nothing = (): never => undefined as never;
    const contents: readonly (readonly [string, WindowSpec['contents']])[] = [
      ['reduce', { kind: 'reduce', reduce: nothing }],
      ['aggregate', { kind: 'aggregate', aggregate: { ...count(), add: nothing } }],
    ];
    for (const [role, each] of contents) {
      const spec = windowsOf(tumbling(ms(10)), { contents: each });
      const { message } = await failureOf(spec, 'USER_CODE_NO_ACCUMULATOR', 'a1@1 a2@2');
      assert.equal(message, `The ${role} function of "windows" returned nothing.`);
    }
  });
});

describe('window functions', () => {
  it('see key, window, times and state, and are told when a window is over', async () => {
    const seen: string[] = [];
    const counting: KeyedWindowFunction<number, string, string, Firings, Total> = {
      emits: t.string,
      windowState: { firings: state.value(t.int32, { initial: 0 }) },
      globalState: { total: state.reducing(t.integer, (a, b) => a + b) },
      onWindow(value, ctx) {
        const { firings } = ctx.windowState;
        firings.set(firings.get() + 1);
        ctx.globalState.total.add(value);
        const { start, end } = ctx.window;
        const counts = `${firings.get()}/${ctx.globalState.total.get()}`;
        ctx.emit(`${ctx.key}[${start},${end}):${value}#${counts}^${ctx.watermark}`);
      },
      onClear(ctx) {
        seen.push(`${ctx.key}${ctx.window.start}:${ctx.windowState.firings.get()}`);
      },
    };
    const spec = windowsOf(tumbling(ms(10)), {
      allowedLateness: ms(5),
      contents: { kind: 'aggregate', aggregate: count() },
      function: counting,
    });
    const script = 'a1@1 b1@1 W9 a1@2 W14 a1@11 W24';
    const expected = 'a[0,10):1#1/1^9 b[0,10):1#1/1^9 a[0,10):2#2/3^9 a[10,20):1#1/4^24';
    // Keys of a window come in any order; counts say in which order those of one have come.
    const sorted = (out: string): readonly string[] => out.split(' ').toSorted();
    assert.deepEqual(sorted((await outcomeOf(spec, script)).out), sorted(expected));
    assert.deepEqual(seen.slice(0, 2).toSorted(), ['a0:2', 'b0:1']);
    assert.equal(seen.length, 3);
    assert.deepEqual(sorted(await resultsOf(spec, script)), sorted(expected));
  });

  it('open and close, and fail by their name', async () => {
    const calls: string[] = [];
    const spec = windowsOf(tumbling(ms(10)), {
      function: {
        emits: t.string,
        open: async (context) => {
          calls.push(`open ${context.operatorName}`);
        },
        close: () => {
          calls.push('close');
        },
        onWindow() {
          throw new TypeError('broken');
        },
      },
    });
    const error = await failureOf(spec, 'USER_CODE_FAILED', 'a1@1 W9');
    assert.match(error.message, /The onWindow function of "windows" threw: broken/);
    assert.deepEqual(calls, ['open windows', 'close']);
  });

  it('must not wait, nor keep their context', async () => {
    const waits = windowsOf(tumbling(ms(10)), {
      function: { emits: t.string, onWindow: (async () => {}) as never },
    });
    assert.ok(await failureOf(waits, 'USER_CODE_ASYNC', 'a1@1 W9'));
    const kept: { emit(value: string): void }[] = [];
    const keeps = windowsOf(tumbling(ms(10)), {
      function: {
        emits: t.string,
        onWindow(_rows, context) {
          kept.push(context);
        },
      },
    });
    assert.equal((await outcomeOf(keeps, 'a1@1 W9')).out, '');
    assert.throws(
      () => kept[0]!.emit('x'),
      (error) => isEngineError(error, 'USER_CODE_OUTSIDE_CALL'),
    );
  });
});

describe('records that cannot be put into windows', () => {
  it('without event time', async () => {
    const error = await failureOf(windowsOf(tumbling(ms(10))), 'DATA_NO_TIMESTAMP', 'a1');
    assert.match(error.message, /"windows" needs event time, .*none: \{"key":"a","n":1\}/);
  });

  it('with a gap that makes no sense', async () => {
    for (const gap of [0, -5, NaN, 1.5, Infinity, undefined, '5']) {
      const spec = windowsOf(session(() => gap as Duration));
      const error = await failureOf(spec, 'USER_CODE_BAD_WINDOW', 'a1@1');
      assert.match(error.message, /"windows" .*its session gap is .* record: \{"key":"a","n":1\}/);
    }
  });

  it('with a gap, or windows, that are a promise', async () => {
    const gap = windowsOf(session((async () => ms(5)) as never));
    const { message } = await failureOf(gap, 'USER_CODE_ASYNC', 'a1@1');
    assert.match(message, /^The gap function of "windows" gives a promise/);
    const assign = windowsOf(customWindows({ assign: (async () => []) as never }));
    assert.ok(await failureOf(assign, 'USER_CODE_ASYNC', 'a1@1'));
  });

  it('with windows that are not iterable', async () => {
    const returned: readonly (readonly [unknown, string])[] = [
      [5, '5'],
      [undefined, 'undefined'],
      [null, 'null'],
      [{}, 'an object'],
      ['ab', 'a string'],
    ];
    for (const [value, type] of returned) {
      const spec = windowsOf(customWindows({ assign: () => value as never }));
      const { message } = await failureOf(spec, 'USER_CODE_NOT_ITERABLE', 'a1@1');
      assert.equal(message, `The assign function of "windows" returned ${type}.`);
    }
  });

  it('with windows that make no sense', async () => {
    const windows: readonly unknown[] = [
      { start: 5, end: 5 },
      { start: 5, end: 4 },
      { start: NaN, end: 4 },
      { start: 0 },
      undefined,
    ];
    for (const window of windows) {
      const spec = windowsOf(customWindows({ assign: () => [window as never] }));
      const error = await failureOf(spec, 'USER_CODE_BAD_WINDOW', 'a1@1');
      assert.match(error.message, /assign gave it/);
    }
  });
});

describe('elements left at the end', () => {
  const left = async (spec: WindowSpec, script: string): Promise<readonly unknown[]> => {
    const { out, counters, warnings } = await outcomeOf(spec, script);
    const dropped = counters['numElementsDroppedUnfired'];
    const unfired = counters['numElementsUnfired'] ?? 0;
    return [out, unfired, warnings.length, ...(dropped === undefined ? [] : [dropped])];
  };

  it('none of event time', async () => {
    assert.deepEqual(await left(windowsOf(tumbling(ms(10))), 'a1@1 a2@12 W5'), [
      '| a[0,10):1 a[10,20):2',
      0,
      0,
    ]);
  });

  it('of processing time, each once', async () => {
    const spec = windowsOf(sliding(ms(10), ms(5), processing));
    assert.deepEqual(await left(spec, 'a1 +5 a2 b3'), ['a[-5,5):1', 3, 1]);
    assert.deepEqual(await left(spec, 'a1 +10 a2'), ['a[-5,5):1 a[0,10):1', 1, 1]);
    const { warnings } = await outcomeOf(spec, 'a1');
    assert.match(warnings[0]!, /"windows": 1 records were left .* fire by the clock/);
  });

  it('of the global window and of counts', async () => {
    assert.deepEqual(await left(windowsOf(globalWindow()), 'a1 b2 a3'), ['', 3, 1]);
    const three = windowsOf(globalWindow(), { trigger: trigger.purging(trigger.count(3)) });
    assert.deepEqual(await left(three, 'a1@1 a2@2 a3@3 a4@4 b5@5'), [
      'a[-Infinity,Infinity):1+2+3@3',
      2,
      1,
    ]);
    const { warnings } = await outcomeOf(three, 'a1');
    assert.match(warnings[0]!, /because their trigger had not fired/);
  });

  it('of windows of event time whose trigger does not fire at their end', async () => {
    const two = windowsOf(tumbling(ms(10)), { trigger: trigger.count(2) });
    // The first window is cleared before the end, as its trigger wants it.
    assert.deepEqual(await left(two, 'a1@1 W9 a2@12 a3@13 a4@14'), ['a[10,20):2+3', 1, 2, 1]);
  });

  it('what is cleared by the clock, and was never fired, is counted and warned of once', async () => {
    const two = windowsOf(tumbling(ms(10), processing), { trigger: trigger.count(2) });
    const script = 'a1 b1 b2 b3 +10 a4 a5 +10 a6 +10 a7';
    assert.deepEqual(await left(two, script), ['b[0,10):1+2 a[10,20):4+5', 1, 2, 3]);
    const { warnings } = await outcomeOf(two, 'a1 +10 a2 +10');
    assert.match(warnings[0]!, /"windows": a window was cleared .*numElementsDroppedUnfired/);
    assert.equal(warnings.length, 1);
  });

  it('nothing vanishes uncounted, whatever the windows and the trigger', async () => {
    const triggers = [
      trigger.eventTime({ early: ms(3) }),
      trigger.processingTime(),
      trigger.count(9),
      trigger.continuousProcessingTime(ms(50)),
      trigger.never(),
      trigger.custom<Row>({ onElement: () => 'continue' }),
    ];
    const assigners = [
      tumbling(ms(10)),
      tumbling(ms(10), processing),
      sliding(ms(10), ms(5), processing),
      session(ms(10), processing),
      session(ms(10)),
      globalWindow(),
    ];
    for (const assigner of assigners) {
      for (const wanted of triggers) {
        if (isMerging(assigner) && !canMerge(wanted)) continue;
        const spec = windowsOf(assigner, { trigger: wanted });
        const { out, counters } = await outcomeOf(
          spec,
          'a1@1 a2@2 +4 +20 W50 b3@60 c4@61 W80 d5@99',
        );
        const unfired = counters['numElementsUnfired'] ?? 0;
        const lost = unfired + (counters['numElementsDroppedUnfired'] ?? 0);
        const shown = new Set(out.match(/(?<=:|\+)\d/g));
        assert.equal(shown.size + lost, 5, `${assigner.kind} ${wanted.kind}: ${out}`);
      }
    }
  });

  it('what has fired early is not left', async () => {
    const spec = windowsOf(globalWindow(), { trigger: trigger.count(2) });
    assert.deepEqual(await left(spec, 'a1 a2 a3 a4'), [
      'a[-Infinity,Infinity):1+2@- a[-Infinity,Infinity):1+2+3+4@-',
      0,
      0,
    ]);
  });

  it('of sessions of processing time that have merged', async () => {
    const spec = windowsOf(session(ms(10), processing));
    assert.deepEqual(await left(spec, 'a1 +5 a2 +9 a3 b4'), ['', 4, 1]);
  });

  it('a time-out fires what is left with the window', async () => {
    const spec = windowsOf(tumbling(ms(10)), {
      trigger: trigger.timeout(trigger.count(5), ms(100)),
    });
    assert.deepEqual(await left(spec, 'a1@1'), ['| a[0,10):1', 0, 0]);
  });
});

describe('records after the end of event time', () => {
  const said = '"windows" got records after the end of event time, and they are late';

  it('are late, and told of once, be they counted or read', async () => {
    for (const contents of [{ kind: 'list' }, { kind: 'reduce', reduce: (a: Row) => a }] as const) {
      const spec = windowsOf(tumbling(ms(10)), { contents });
      for (const late of [false, true]) {
        const script = 'a1@5 WInfinity a2@6 a3@90';
        const { out, counters, warnings } = await outcomeOf(spec, script, { late });
        assert.equal(out, late ? 'a[0,10):1 late:a2@6 late:a3@90' : 'a[0,10):1');
        assert.equal(counters['numLateRecordsDropped'], late ? undefined : 2);
        assert.deepEqual(
          warnings.map((text) => text.startsWith(said)),
          [true],
        );
      }
    }
  });

  it('other late records are not said to be so', async () => {
    const { warnings } = await outcomeOf(windowsOf(tumbling(ms(10))), 'a1@5 W9 a2@6');
    assert.deepEqual(warnings, []);
  });
});
