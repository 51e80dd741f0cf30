// Operators of event time over records that certainly have none are refused at build, with the
// operator, the source and the place; all others are not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seconds } from '../base/units.ts';
import { discard } from '../connectors/discard/discard.ts';
import { sequence } from '../connectors/generator/sequence.ts';
import { count } from '../functions/aggregates.ts';
import type { AnySource } from '../functions/source.ts';
import { state } from '../functions/state.ts';
import { ingestionTime, noWatermarks } from '../functions/watermark-strategy.ts';
import { trigger, type Trigger } from '../functions/trigger.ts';
import { customWindows, globalWindow, tumbling, type WindowAssigner } from '../functions/window.ts';
import { t } from '../types/index.ts';
import { compile, failure } from './compile.test-kit.ts';
import type { DataStream } from './data-stream.ts';
import type { StreamEnvironment } from './stream-environment.ts';

type Numbers = (env: StreamEnvironment) => DataStream<number>;

const byItself = { timestamp: (n: number) => n };
const numbers = sequence(1, 9);
const rules = state.broadcast('rules', t.integer, t.integer);

function window(stream: DataStream<number>): void {
  stream
    .keyBy((n) => n, t.integer)
    .window(tumbling(seconds(1)))
    .aggregate(count())
    .name('per second')
    .sinkTo(discard());
}

const untimed: Numbers = (env) => env.from(numbers);
const timed: Numbers = (env) => env.from(numbers, byItself);

const HAVE_TIME: Readonly<Record<string, Numbers>> = {
  'a strategy at the source': timed,
  'a strategy on the way': (env) =>
    untimed(env)
      .map((n) => n)
      .assignTimestamps(byItself),
  'ingestion time': (env) => untimed(env).assignTimestamps(ingestionTime()),
  'a source that says so': (env) => env.from({ ...numbers, timestamps: true } as AnySource<number>),
  'a source that says nothing': (env) => {
    const { timestamps: _, ...silent } = numbers as AnySource<number>;
    return env.from(silent);
  },
  'the results of windows by the clock': (env) =>
    untimed(env)
      .keyBy((n) => n, t.integer)
      .window(tumbling(seconds(1), { time: 'processing' }))
      .aggregate(count())
      .map(({ value }) => value),
  'what is emitted at timers': (env) =>
    untimed(env)
      .keyBy((n) => n, t.integer)
      .process({
        emits: t.integer,
        onElement(n, ctx) {
          ctx.timers.onEventTime(n as never);
        },
        onTimer(at, ctx) {
          ctx.emit(at);
        },
      }),
  'one of two inputs': (env) =>
    timed(env)
      .connect(untimed(env).broadcast(rules))
      .process({
        emits: t.integer,
        onElement(n, ctx) {
          ctx.emit(n);
        },
        onBroadcast() {},
      }),
};

const LACK_TIME: Readonly<Record<string, Numbers>> = {
  'a source alone': untimed,
  'through operators': (env) =>
    untimed(env)
      .map((n) => n)
      .filter((n) => n > 1)
      .flatMap((n) => [n])
      .rebalance(),
  'a strategy that gives none': (env) => env.from(numbers, noWatermarks()),
  'such a strategy on the way': (env) => untimed(env).assignTimestamps({}),
  'one of several streams': (env) => timed(env).union(untimed(env)),
  'both of two inputs': (env) =>
    untimed(env)
      .connect(untimed(env))
      .map(
        (n) => n,
        (n) => n,
      ),
  'a process function': (env) =>
    untimed(env).process({
      emits: t.integer,
      onElement(n, ctx) {
        ctx.emit(n);
      },
    }),
};

for (const [name, stream] of Object.entries(HAVE_TIME)) {
  test(`event time: ${name}`, () => {
    compile((env) => window(stream(env)));
  });
}

for (const [name, stream] of Object.entries(LACK_TIME)) {
  test(`no event time: ${name}`, () => {
    const error = failure('GRAPH_NO_TIMESTAMPS', () => compile((env) => window(stream(env))));
    assert.match(
      error.message,
      /^"per second" works by event time, but the records of "Source: sequence\(1, 9\)" have no timestamps \(declared at .*event-time\.test\.ts:\d+:\d+\)\.$/,
    );
    assert.match(error.fix!, /env\.from\(source, \{ timestamp: .*assignTimestamps/);
  });
}

test('what a source puts aside has no event time, whatever its strategy', () => {
  const source = { ...numbers, outputs: { aside: t.integer } } as AnySource<number> & {
    readonly outputs: { readonly aside: typeof t.integer };
  };
  failure('GRAPH_NO_TIMESTAMPS', () =>
    compile((env) => {
      const stream = env.from(source, byItself);
      window(stream);
      window(stream.side.aside);
    }),
  );
});

test('both sides of a join by event time need it', () => {
  const join = (left: Numbers, right: Numbers) => () =>
    compile((env) => {
      left(env)
        .keyBy((n) => n, t.integer)
        .intervalJoin(right(env).keyBy((n) => n, t.integer))
        .between(seconds(-1), seconds(1))
        .inner((a, b) => a + b)
        .sinkTo(discard());
    });
  join(timed, timed)();
  failure('GRAPH_NO_TIMESTAMPS', join(timed, untimed));
  failure('GRAPH_NO_TIMESTAMPS', join(untimed, timed));
});

test('so does a trigger that looks at the event time of records, whatever the windows', () => {
  const continuous = trigger.continuousEventTime(seconds(1));
  const windowed = (stream: Numbers, assigner: WindowAssigner<number>, wanted: Trigger<number>) =>
    compile((env) => {
      stream(env)
        .keyBy((n) => n, t.integer)
        .window(assigner)
        .trigger(wanted)
        .aggregate(count())
        .sinkTo(discard());
    });
  const byClock = tumbling(seconds(1), { time: 'processing' });
  const cases: readonly (readonly [WindowAssigner<number>, Trigger<number>])[] = [
    [globalWindow(), continuous],
    [globalWindow(), trigger.purging(continuous)],
    [byClock, trigger.timeout(continuous, seconds(1))],
  ];
  for (const [assigner, wanted] of cases) {
    windowed(timed, assigner, wanted);
    failure('GRAPH_NO_TIMESTAMPS', () => windowed(untimed, assigner, wanted));
  }
  const custom = customWindows<number>({
    assign: () => [],
    time: 'processing',
    defaultTrigger: trigger.timeout(continuous, seconds(1)),
  });
  failure('GRAPH_NO_TIMESTAMPS', () =>
    compile((env) => {
      untimed(env).windowAll(custom).aggregate(count()).sinkTo(discard());
    }),
  );
  windowed(untimed, globalWindow(), trigger.eventTime());
  windowed(untimed, byClock, trigger.count(5));
});
