// Windows as they are built: what is refused with which words, what becomes of schemas and edges.
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { days, hours, minutes, seconds, type Duration } from '../base/units.ts';
import { discard } from '../connectors/discard/discard.ts';
import { sequence } from '../connectors/generator/sequence.ts';
import { count } from '../functions/aggregates.ts';
import { evictor } from '../functions/evictor.ts';
import { state } from '../functions/state.ts';
import { trigger } from '../functions/trigger.ts';
import {
  cumulating,
  customWindows,
  globalWindow,
  session,
  sliding,
  tumbling,
} from '../functions/window.ts';
import { t } from '../types/index.ts';
import { compile, failure, operatorNamed, shape } from './compile.test-kit.ts';
import type { DataStream } from './data-stream.ts';
import type { KeyedStream } from './keyed-stream.ts';
import type { StreamEnvironment } from './stream-environment.ts';
import type { WindowedStream } from './windowed-stream.ts';

const Order = t.struct({ user: t.string, n: t.int32 });
interface Order {
  readonly user: string;
  readonly n: number;
}
/** What only users of plain JavaScript can pass. */
const untyped = (value: unknown): never => value as never;
const ms = (n: number): Duration => n as Duration;
const bare = (env: StreamEnvironment): DataStream<Order> =>
  env
    .from(sequence(1, 9), { timestamp: (n) => n })
    .map((n) => ({ user: `u${n}`, n }))
    .name('orders');
const byUser = (env: StreamEnvironment): KeyedStream<Order, string> =>
  bare(env)
    .returns(Order)
    .keyBy((o) => o.user, t.string);

const ARGUMENTS: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['no size', () => tumbling(ms(0)), /tumbling .*its size is 0 ms, and must be above 0/],
  ['a size below 0', () => tumbling(minutes(-1)), /its size is -60000 ms, and must be above 0/],
  ['NaN as size', () => sliding(ms(NaN), ms(1)), /sliding .*its size is NaN ms, and .* whole/],
  ['a part of a millisecond', () => tumbling(ms(1.5)), /its size is 1.5 ms, and must be a whole/],
  ['no slide', () => sliding(ms(5), ms(0)), /its slide is 0 ms, and must be above 0/],
  ['text as size', () => tumbling(untyped('5')), /its size is a string, and must be a whole/],
  ['no step', () => cumulating(ms(5), ms(0)), /cumulating .*its step is 0 ms/],
  ['a step that does not fit', () => cumulating(ms(5), ms(2)), /size of 5 ms is not a multiple/],
  ['no gap', () => session(ms(0)), /session .*its gap is 0 ms/],
  ['an endless gap', () => session(ms(Infinity)), /its gap is Infinity ms/],
  [
    'an offset as large as the size',
    () => tumbling(hours(1), { offset: hours(-1) }),
    /its offset of -3600000 ms is not within its size of 3600000 ms/,
  ],
  [
    'an offset above the slide',
    () => sliding(hours(1), minutes(1), { offset: minutes(2) }),
    /its offset of 120000 ms is not within its slide of 60000 ms/,
  ],
  ['NaN as offset', () => tumbling(ms(5), { offset: ms(NaN) }), /its offset is NaN ms/],
  ['no such time', () => tumbling(ms(5), { time: untyped('wall') }), /its time is wall, and must/],
  ['no such stagger', () => tumbling(ms(5), { stagger: untyped('x') }), /its stagger is x, and/],
  ['no assign', () => customWindows(untyped({})), /its assign is nothing, not a function/],
  ['a count of 0', () => trigger.count(0), /trigger.count .*its count is 0, and must be a whole/],
  ['half a record', () => evictor.count(1.5), /evictor.count .*its count is 1.5/],
  ['no interval', () => trigger.continuousEventTime(ms(0)), /its interval is 0 ms/],
  ['no interval', () => trigger.continuousProcessingTime(ms(-1)), /its interval is -1 ms/],
  ['early at once', () => trigger.eventTime({ early: ms(0) }), /its early is 0 ms/],
  ['late at once', () => trigger.eventTime({ late: ms(0) }), /its late is 0 ms/],
  ['no time-out', () => trigger.timeout(trigger.count(1), ms(0)), /its timeout is 0 ms/],
  ['no nested', () => trigger.purging(untyped(undefined)), /it takes a trigger such as/],
  [
    'a threshold below 0',
    () => trigger.delta(-1, () => 1, t.int32),
    /its threshold is -1, and must be a number from 0 on/,
  ],
  ['no schema', () => trigger.delta(1, () => 1, untyped(undefined)), /it lacks the records/],
  ['no onElement', () => trigger.custom(untyped({})), /its onElement is nothing, not a function/],
  ['an empty evictor', () => evictor.custom({}), /neither evictBefore nor evictAfter/],
  ['no span', () => evictor.time(ms(0)), /its span is 0 ms/],
];

for (const [what, call, message] of ARGUMENTS) {
  test(`refused: ${what}, ${message.source}`, () => {
    assert.match(failure('API_INVALID_ARGUMENT', call).message, message);
  });
}

test('what looks odd and is legal', () => {
  assert.deepEqual(sliding(ms(5), ms(50), { offset: ms(-49) }), {
    kind: 'sliding',
    size: 5,
    slide: 50,
    offset: -49,
    time: 'event',
  });
  assert.equal(tumbling(days(1), { offset: hours(-8) }).offset, hours(-8));
  assert.equal(trigger.delta(0, () => 1, t.int32).threshold, 0);
});

const minute = tumbling(minutes(1));
const byClock = tumbling(minutes(1), { time: 'processing' });
const cannotMerge = trigger.custom({ onElement: (_order: Order) => 'continue' });

const BUILDS: readonly (readonly [string, (env: StreamEnvironment) => unknown, RegExp])[] = [
  [
    'a trigger that cannot merge',
    (env) =>
      byUser(env)
        .window(session(ms(5)))
        .trigger(trigger.delta(1, () => 1, Order)),
    /session windows merge, and the trigger cannot \(delta\)/,
  ],
  [
    'a time-out, which cannot merge',
    (env) =>
      byUser(env)
        .window(session(ms(5)))
        .trigger(trigger.purging(trigger.timeout(trigger.count(1), ms(5)))),
    /session windows merge, and the trigger cannot \(purging\)/,
  ],
  [
    'a custom trigger that cannot merge',
    (env) =>
      byUser(env)
        .window(customWindows({ assign: () => [], merging: true }))
        .trigger(cannotMerge),
    /custom windows merge, and the trigger cannot \(this one has no onMerge\)/,
  ],
  [
    'a default trigger that cannot merge',
    (env) =>
      byUser(env).window(
        customWindows({ assign: () => [], merging: true, defaultTrigger: cannotMerge }),
      ),
    /its windows merge, and its default trigger cannot/,
  ],
  [
    'a trigger of event time for windows of the clock',
    (env) => byUser(env).window(byClock).trigger(trigger.eventTime()),
    /windows of processing time are over by the clock, and the trigger \(eventTime\) fires by/,
  ],
  [
    'a continuous one for sessions of the clock',
    (env) =>
      byUser(env)
        .window(session(ms(5), { time: 'processing' }))
        .trigger(trigger.purging(trigger.continuousEventTime(ms(5)))),
    /the trigger \(purging of one by event time\) fires by event time only/,
  ],
  [
    'a default trigger of event time for windows of the clock',
    (env) =>
      byUser(env).window(
        customWindows({
          assign: () => [],
          time: 'processing',
          defaultTrigger: trigger.eventTime({ late: ms(5) }),
        }),
      ),
    /window .*the trigger \(eventTime\) fires by event time only/,
  ],
  [
    'lateness of processing time',
    (env) =>
      byUser(env)
        .window(session(ms(5), { time: 'processing' }))
        .allowedLateness(ms(5)),
    /only event time has late records, and windows of processing time have none/,
  ],
  [
    'lateness of the global window',
    (env) => byUser(env).window(globalWindow()).allowedLateness(ms(5)),
    /only event time has late records, and the global window has none/,
  ],
  [
    'lateness below 0',
    (env) => byUser(env).window(minute).allowedLateness(ms(-5)),
    /allowedLateness .*-5 ms is below 0/,
  ],
  [
    'lateness that is no number',
    (env) => byUser(env).window(minute).allowedLateness(ms(NaN)),
    /its duration is NaN ms/,
  ],
  [
    'state of windows that merge',
    (env) =>
      byUser(env)
        .window(session(ms(5)))
        .process({ emits: t.string, windowState: { n: state.value(t.int32) }, onWindow() {} }),
    /session windows merge, so they cannot have windowState: use globalState/,
  ],
  [
    'an output named late',
    (env) =>
      byUser(env)
        .window(minute)
        .process({ emits: t.string, outputs: { late: t.string }, onWindow() {} }),
    /the output "late" is that of late records/,
  ],
  ['no windows', (env) => byUser(env).window(untyped(minutes(1))), /it takes windows such as/],
  ['no trigger', (env) => byUser(env).window(minute).trigger(untyped(5)), /it takes a trigger/],
  ['no evictor', (env) => byUser(env).window(minute).evictor(untyped(5)), /it takes an evictor/],
  ['no function', (env) => byUser(env).window(minute).process(untyped({})), /takes a schema|onWin/],
  ['no count', (env) => byUser(env).countWindow(0), /countWindow .*its size is 0/],
  ['no slide', (env) => bare(env).countWindowAll(5, 0), /countWindow .*its slide is 0/],
];

for (const [what, build, message] of BUILDS) {
  test(`refused when the graph is built: ${what}`, () => {
    const compiled = (): unknown => compile((env) => build(env));
    assert.match(failure('API_INVALID_ARGUMENT', compiled).message, message);
  });
}

test('async functions are refused when the graph is built', () => {
  const wait = untyped(async () => 1);
  const windows = (env: StreamEnvironment): WindowedStream<Order, string> =>
    byUser(env).window(globalWindow());
  const builds: readonly ((env: StreamEnvironment) => unknown)[] = [
    (env) => byUser(env).window(session(wait)),
    (env) => byUser(env).window(customWindows({ assign: wait })),
    (env) => windows(env).trigger(trigger.purging(trigger.custom({ onElement: wait }))),
    (env) => windows(env).trigger(trigger.delta(1, wait, Order)),
    (env) => windows(env).evictor(evictor.custom({ evictAfter: wait })),
    (env) => windows(env).evictor(evictor.delta(1, wait)),
    (env) => windows(env).reduce(wait),
    (env) => windows(env).process({ emits: t.string, onWindow: wait }),
    (env) => windows(env).process({ emits: t.string, onWindow() {}, onClear: wait }),
  ];
  for (const build of builds) {
    assert.ok(
      failure('USER_CODE_ASYNC', () => compile((env) => build(env))),
      String(build),
    );
  }
  const { message } = failure('USER_CODE_ASYNC', () =>
    compile((env) => windows(env).process({ emits: t.string, onWindow: wait })),
  );
  assert.match(
    message,
    /^The onWindow function of "(window\.)?process" gives a promise, but it is called synchronously/,
  );
});

describe('schemas of what windows keep', () => {
  const missing = (build: (env: StreamEnvironment) => DataStream<unknown>): string => {
    const compiled = (): unknown => compile((env) => build(env).sinkTo(discard()));
    const { message, fix } = failure('GRAPH_STATE_SCHEMA_MISSING', compiled);
    return `${message} ${fix}`;
  };

  it('must be known where records are kept', () => {
    const open = (env: StreamEnvironment): KeyedStream<Order, string> =>
      bare(env).keyBy((o) => o.user);
    const line = /"window\..*" keeps records in state.*"orders": \.returns\(t\.struct/;
    assert.match(
      missing((env) => open(env).window(minute).sum('n')),
      line,
    );
    assert.match(
      missing((env) =>
        open(env)
          .window(minute)
          .reduce((a) => a),
      ),
      line,
    );
    assert.match(
      missing((env) =>
        open(env)
          .window(minute)
          .process({ emits: t.string, onWindow() {} }),
      ),
      line,
    );
    assert.match(
      missing((env) => open(env).countWindow(5, 1).aggregate(count())),
      /"window.aggregate".*\(declared at .*windows\.test\.ts/,
    );
  });

  it('need not be known where an accumulator is kept', () => {
    compile((env) =>
      bare(env)
        .keyBy((o) => o.user)
        .window(minute)
        .aggregate(count())
        .sinkTo(discard()),
    );
  });

  it('a field that the records lack', () => {
    const error = failure('GRAPH_UNKNOWN_FIELD', () =>
      compile((env) => byUser(env).window(minute).sum(untyped('m')).sinkTo(discard())),
    );
    assert.match(error.message, /no field "m"/);
  });

  it('results have a schema where all parts are known', () => {
    const { graph, operators } = compile((env) => {
      byUser(env).window(minute).aggregate(count()).name('count').sinkTo(discard());
      byUser(env)
        .window(session(seconds(1)))
        .maxBy('n')
        .name('max')
        .sinkTo(discard());
      bare(env).windowAll(globalWindow()).aggregate(count()).name('all').sinkTo(discard());
      bare(env)
        .keyBy((o) => o.user)
        .window(minute)
        .aggregate(count())
        .name('no key schema')
        .sinkTo(discard());
    });
    const described = (name: string): unknown =>
      operators.get(operatorNamed(graph, name).id)!.output?.description;
    const bounds = t.struct({ start: t.timestamp, end: t.timestamp });
    assert.deepEqual(
      described('count'),
      t.struct({ key: t.string, window: bounds, value: t.integer }).description,
    );
    assert.deepEqual(
      described('max'),
      t.struct({ key: t.string, window: bounds, value: Order }).description,
    );
    assert.deepEqual(
      described('all'),
      t.struct({ window: t.struct({ start: t.float64, end: t.float64 }), value: t.integer })
        .description,
    );
    assert.deepEqual(described('no key schema'), { kind: 'dynamic' });
    assert.equal(operatorNamed(graph, 'count').stateful, true);
  });

  it('late records have that of the stream', () => {
    const { graph, edges } = compile((env) => {
      const counts = byUser(env).window(minute).aggregate(count());
      counts.sinkTo(discard());
      counts.side.late.rebalance().sinkTo(discard());
    });
    const edge = graph.edges.find(({ tag }) => tag === 'late')!;
    assert.deepEqual(edges.get(edge.id)!.schema.description, Order.description);
  });
});

test('windows of all records run in one subtask', () => {
  const all = (parallelism: number): unknown =>
    compile(
      (env) => {
        const windows = bare(env).windowAll(minute).aggregate(count());
        if (parallelism !== 1) windows.setParallelism(parallelism);
        windows.startNewChain().sinkTo(discard());
      },
      { 'parallelism.default': '4' },
    );
  const compiled = all(1) as ReturnType<typeof compile>;
  assert.deepEqual(shape(compiled).slice(0, 1), [
    'Source: sequence(1, 9) -> orders --hash--> window.aggregate',
  ]);
  assert.equal(operatorNamed(compiled.graph, 'window.aggregate').stateful, true);
  const vertex = compiled.graph.vertices.find(({ name }) => name.startsWith('window'))!;
  assert.deepEqual([vertex.parallelism, vertex.maxParallelism], [1, 1]);
  assert.match(failure('GRAPH_MAX_PARALLELISM', () => all(2)).message, /only 1 key groups/);
});
