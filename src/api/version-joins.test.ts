// What the temporal and the broadcast join refuse at build, and what they make of a job.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErrorCode } from '../base/errors.ts';
import { collection } from '../connectors/collection/collection.ts';
import { discard } from '../connectors/discard/discard.ts';
import { ingestionTime } from '../functions/watermark-strategy.ts';
import type { BroadcastJoinSpec, TemporalJoinSpec } from '../graph/join-spec.ts';
import type { CompiledJob } from '../graph/job-graph.ts';
import type { OperatorSpec } from '../graph/operator-spec.ts';
import { t, type Infer } from '../types/index.ts';
import { compile, failure, operatorNamed, shape } from './compile.test-kit.ts';
import type { DataStream } from './data-stream.ts';
import type { StreamEnvironment } from './stream-environment.ts';

const Order = t.struct({ id: t.string, currency: t.string });
const Rate = t.struct({ of: t.string, value: t.float64 });
type Order = Infer<typeof Order>;
type Rate = Infer<typeof Rate>;

const ordersOf = (env: StreamEnvironment): DataStream<Order> =>
  env.from(collection([] as readonly Order[], Order), ingestionTime());
const ratesOf = (env: StreamEnvironment): DataStream<Rate> =>
  env.from(collection([] as readonly Rate[], Rate), ingestionTime());
const bareOf = (env: StreamEnvironment): DataStream<Order> =>
  ordersOf(env)
    .map((order) => ({ ...order }))
    .name('bare');
const untyped = (value: unknown): never => value as never;

function specOf(job: CompiledJob, name: string): OperatorSpec {
  return job.operators.get(operatorNamed(job.graph, name).id)!.spec;
}

describe('temporal join', () => {
  it('partitions both sides by their keys, and keeps both by event time', () => {
    const job = compile((env) => {
      const join = ordersOf(env)
        .temporalJoin(ratesOf(env))
        .on(
          (order) => order.currency,
          (rate) => rate.of,
        )
        .inner((order, rate) => ({ id: order.id, rate: rate.value }));
      join.sinkTo(discard());
      join.side.lateLeft.sinkTo(discard());
    });
    const spec = specOf(job, 'temporalJoin') as TemporalJoinSpec;
    assert.deepEqual(
      [spec.time, spec.type, spec.sides],
      ['event', 'inner', { left: Order, right: Rate }],
    );
    const inputs = shape(job).filter((edge) => edge.includes('--hash--> temporalJoin'));
    assert.equal(inputs.length, 2);
    const late = operatorNamed(job.graph, 'temporalJoin').chainedOutputs;
    assert.deepEqual(
      late.map(({ tag }) => tag),
      [undefined, 'lateLeft'],
    );
  });

  it('by processing time needs no schema of the left side', () => {
    const job = compile((env) => {
      bareOf(env)
        .temporalJoin(ratesOf(env), { time: 'processing' })
        .on(
          (order) => order.currency,
          (rate) => rate.of,
        )
        .left((order) => order.id)
        .sinkTo(discard());
    });
    const { sides, time, type } = specOf(job, 'temporalJoin') as TemporalJoinSpec;
    assert.deepEqual([time, type, sides], ['processing', 'left', { left: undefined, right: Rate }]);
  });
});

describe('broadcast join', () => {
  it('broadcasts the right side alone, and keeps the left one only if it waits', () => {
    const build = (holdUntilEnd: boolean, left: (env: StreamEnvironment) => DataStream<Order>) =>
      compile((env) => {
        left(env)
          .broadcastJoin(ratesOf(env), { holdUntilEnd })
          .on(
            (order) => order.currency,
            (rate) => rate.of,
          )
          .left((order) => order.id)
          .sinkTo(discard());
      });
    const job = build(false, bareOf);
    const { sides } = specOf(job, 'broadcastJoin') as BroadcastJoinSpec;
    assert.deepEqual(sides, { left: undefined, right: Rate });
    const partitioners = job.graph.edges.map(({ partitioner }) => partitioner).toSorted();
    assert.deepEqual(partitioners, ['broadcast', 'forward']);
    const holding = specOf(build(true, ordersOf), 'broadcastJoin') as BroadcastJoinSpec;
    assert.deepEqual(holding.sides, { left: Order, right: Rate });
    const { message } = failure('GRAPH_STATE_SCHEMA_MISSING', () => build(true, bareOf));
    assert.match(message, /"broadcastJoin" keeps records of its left side in state/);
  });
});

type Build = (env: StreamEnvironment) => unknown;
const REFUSALS: readonly (readonly [string, ErrorCode, Build, RegExp])[] = [
  [
    'a time that there is not',
    'API_INVALID_ARGUMENT',
    (env) => ordersOf(env).temporalJoin(ratesOf(env), untyped({ time: 'ingestion' })),
    /temporalJoin .*its time is ingestion, and must be event or processing/,
  ],
  [
    'an isDeletion that is no function',
    'API_INVALID_ARGUMENT',
    (env) => ordersOf(env).temporalJoin(ratesOf(env), untyped({ isDeletion: true })),
    /temporalJoin\.isDeletion .*takes a function, not boolean/,
  ],
  [
    'an async join',
    'USER_CODE_ASYNC',
    (env) =>
      ordersOf(env)
        .broadcastJoin(ratesOf(env))
        .on(
          (order) => order.currency,
          (rate) => rate.of,
        )
        .inner(untyped(async () => 1)),
    /inner/,
  ],
  [
    'keys that are no functions',
    'API_INVALID_ARGUMENT',
    (env) => ordersOf(env).broadcastJoin(ratesOf(env)).on(untyped('currency'), untyped('of')),
    /on cannot take this: it takes a function, not string/,
  ],
  [
    'a schema that is none of keys',
    'API_INVALID_ARGUMENT',
    (env) =>
      ordersOf(env)
        .broadcastJoin(ratesOf(env))
        .on(
          (order) => order.currency,
          (rate) => rate.of,
          untyped(Rate),
        ),
    /its schema is of struct, which cannot be a key/,
  ],
  [
    'a holdUntilEnd that is neither true nor false',
    'API_INVALID_ARGUMENT',
    (env) => ordersOf(env).broadcastJoin(ratesOf(env), untyped({ holdUntilEnd: 'yes' })),
    /its holdUntilEnd is yes, not true or false/,
  ],
  [
    'a stream of another job',
    'GRAPH_FOREIGN_STREAM',
    (env) => {
      let foreign: DataStream<Rate> | undefined;
      compile((other) => {
        foreign = ratesOf(other);
        foreign.sinkTo(discard());
      });
      ordersOf(env).temporalJoin(foreign!);
    },
    /temporalJoin/,
  ],
];

describe('joins of versions', () => {
  for (const [what, code, build, message] of REFUSALS) {
    it(`refuse ${what}`, () => {
      assert.match(failure(code, () => compile((env) => void build(env))).message, message);
    });
  }
});
