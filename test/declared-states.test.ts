// What operators say they will keep, without running, is what they register when they run: for
// every kind of operator, and for windows with all that decides which operator they become.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineJob } from '../src/api/define-job.ts';
import type { DataStream } from '../src/api/data-stream.ts';
import type { KeyedStream } from '../src/api/keyed-stream.ts';
import { isEngineError } from '../src/base/errors.ts';
import { timestamp } from '../src/base/units.ts';
import type { Duration } from '../src/base/units.ts';
import { discard } from '../src/connectors/discard/discard.ts';
import { generator } from '../src/connectors/generator/generator.ts';
import { sumOf } from '../src/functions/aggregates.ts';
import { evictor } from '../src/functions/evictor.ts';
import { state } from '../src/functions/state.ts';
import { trigger } from '../src/functions/trigger.ts';
import { cumulating, globalWindow, session, sliding, tumbling } from '../src/functions/window.ts';
import type { CompiledJob } from '../src/graph/job-graph.ts';
import { graphWithStates } from '../src/operators/declared-states.ts';
import { t } from '../src/types/index.ts';
import { CheckpointedSlot, MemoryStorage } from './slot-checkpoints.test-kit.ts';

const Item = t.struct({ key: t.string, n: t.int32 });
type Item = { readonly key: string; readonly n: number };
type Items = DataStream<Item>;
type Keyed = KeyedStream<Item, string>;

const ms = (millis: number): Duration => millis as Duration;
let opened = 0;
const open = (): void => void (opened += 1);
const nothing = (): void => undefined;
const pair = (left: Item, right: Item | undefined): number => left.n + (right?.n ?? 0);
const older = state.migration(t.string, (text) => Number(text));

/** What a builder of one stream ends in, or of two with keys. */
type Build = (items: Items, keyed: () => Keyed, others: Items) => DataStream<any>;

const FUNCTIONS: Readonly<Record<string, Build>> = {
  process: (items) =>
    items.process({
      emits: Item,
      operatorState: {
        own: state.split(t.int32, { migrations: [older] }),
        all: state.union(t.struct({ a: t.string })),
      },
      open,
      onElement: nothing,
    }),
  keyed: (_items, keyed) =>
    keyed().process({
      emits: Item,
      state: {
        value: state.value(t.int32, { migrations: [older] }),
        list: state.list(t.string, { ttl: { duration: ms(1000) } }),
        map: state.map(t.string, Item),
        sum: state.reducing(t.float64, (a, b) => a + b),
        mean: state.aggregating(sumOf((item: Item) => item.n)),
      },
      operatorState: { own: state.split(t.int32) },
      open,
      onElement: nothing,
    }),
  'keyed by a class with private fields': (_items, keyed) => keyed().process(new Private()),
  'by keys of no schema': (items) =>
    items
      .keyBy(({ n }) => n)
      .process({
        ...{ emits: Item, state: { v: state.value(t.int32) }, open },
        onElement: nothing,
      }),
  connected: (_items, keyed, others) =>
    keyed()
      .connect(others.keyBy(({ key }) => key, t.string))
      .process({
        emits: Item,
        state: { value: state.value(Item) },
        open,
        onLeft: nothing,
        onRight: nothing,
      }),
  broadcast: (items, _keyed, others) => {
    const limits = state.broadcast('limits', t.string, t.float64, { migrations: [older] });
    return items.connect(others.broadcast(limits)).process({
      ...{ emits: Item, operatorState: { own: state.split(t.int32) }, open },
      onElement: nothing,
      onBroadcast: nothing,
    });
  },
  'broadcast by key': (_items, keyed, others) => {
    const limits = state.broadcast('limits', t.string, Item);
    return keyed()
      .connect(others.broadcast(limits))
      .process({
        ...{ emits: Item, state: { value: state.value(Item) }, open },
        onElement: nothing,
        onBroadcast: nothing,
      });
  },
  reduce: (_items, keyed) => keyed().reduce((a) => a),
  aggregate: (_items, keyed) => keyed().aggregate(sumOf(({ n }) => n)),
  rolling: (_items, keyed) => keyed().maxBy('n'),
  async: (items) =>
    items.asyncMap({ emits: Item, open, call: async (item: Item) => item } as never, {
      order: 'ordered',
      timeout: ms(1000),
    }),
  timestamps: (items) => items.assignTimestamps({ timestamp: ({ n }: Item) => timestamp(n) }),
  'interval join': (_items, keyed, others) =>
    keyed()
      .intervalJoin(others.keyBy(({ key }) => key, t.string))
      .between(ms(0), ms(5))
      .process({ emits: Item, open, onPair: nothing }),
  'inner interval join': (_items, keyed, others) =>
    keyed()
      .intervalJoin(others.keyBy(({ key }) => key, t.string))
      .between(ms(0), ms(5))
      .inner(pair),
  'temporal join': (items, _keyed, others) =>
    items
      .temporalJoin(others)
      .on(
        ({ key }) => key,
        ({ key }) => key,
      )
      .inner(pair),
  'latest join': (items, _keyed, others) =>
    items
      .temporalJoin(others, { time: 'processing' })
      .on(
        ({ key }) => key,
        ({ key }) => key,
      )
      .left(pair),
  'broadcast join': (items, _keyed, others) =>
    items
      .broadcastJoin(others, { holdUntilEnd: true })
      .on(
        ({ key }) => key,
        ({ key }) => key,
      )
      .left(pair),
  'window join': (items, _keyed, others) =>
    items
      .join(others)
      .on(
        ({ key }) => key,
        ({ key }) => key,
      )
      .window(tumbling(ms(10)))
      .process({ emits: Item, open, onPair: nothing }),
  coGroup: (items, _keyed, others) =>
    items
      .coGroup(others)
      .on(
        ({ key }) => key,
        ({ key }) => key,
      )
      .window(tumbling(ms(10)))
      .apply({
        emits: Item,
        windowState: { w: state.value(t.int32) },
        globalState: { g: state.list(Item) },
        open,
        onGroups: nothing,
      }),
};

class Private {
  readonly emits: typeof Item = Item;
  readonly #declared = { hidden: state.value(t.int64) };

  get state(): { readonly hidden: ReturnType<typeof state.value<bigint>> } {
    return this.#declared;
  }

  open(): void {
    opened += 1;
  }

  onElement(): void {}
}

const custom = trigger.custom<Item, any>({
  state: { seen: state.reducing(t.integer, (a, b) => a + b) },
  onElement: () => 'continue',
  onMerge: nothing,
});

const ASSIGNERS = {
  tumbling: tumbling(ms(10)),
  'by the clock': tumbling(ms(10), { time: 'processing' }),
  staggered: tumbling(ms(10), { stagger: 'natural', time: 'processing' }),
  sliding: sliding(ms(30), ms(10)),
  'sliding by the clock': sliding(ms(30), ms(10), { time: 'processing' }),
  cumulating: cumulating(ms(30), ms(10)),
  session: session(ms(10)),
  global: globalWindow(),
};
const TRIGGERS = {
  'by itself': undefined,
  count: trigger.count(3),
  'purged count': trigger.purging(trigger.count(3)),
  delta: trigger.delta(3, (a: Item, b: Item) => a.n - b.n, Item),
  early: trigger.eventTime({ early: ms(5), late: ms(5) }),
  continuous: trigger.continuousEventTime(ms(5)),
  'continuous by the clock': trigger.continuousProcessingTime(ms(5)),
  timeout: trigger.timeout(trigger.count(3), ms(5), { resetOnElement: true }),
  nested: trigger.timeout(trigger.timeout(trigger.count(9), ms(10)), ms(25)),
  custom,
};
const CONTENTS: Readonly<Record<string, (windows: any) => DataStream<any>>> = {
  reduce: (windows) => windows.reduce((a: Item) => a),
  sum: (windows) => windows.sum('n'),
  aggregate: (windows) => windows.aggregate(sumOf(({ n }: Item) => n)),
  list: (windows) => windows.process({ emits: Item, open, onWindow: nothing }),
  evicting: (windows) =>
    windows.evictor(evictor.count(3)).process({ emits: Item, open, onWindow: nothing }),
  'with state': (windows) =>
    windows.aggregate(
      sumOf(({ n }: Item) => n),
      {
        ...{ emits: Item, open, onWindow: nothing, onClear: nothing },
        windowState: { w: state.value(t.int32) },
        globalState: { g: state.map(t.string, Item) },
      },
    ),
};

/** With every trigger; the others with the usual one alone. */
const KEPT = ['sum', 'with state'];

function compiled(build: Build): CompiledJob {
  const source = (name: string) => generator(Item, (n) => ({ key: name, n }), { count: 0 });
  const job = defineJob({
    name: 'job',
    build(env) {
      const strategy = { timestamp: ({ n }: Item) => timestamp(n) } as never;
      const items = env.from(source('a'), strategy).rebalance();
      const others = env.from(source('b'), strategy).rebalance();
      build(items, () => items.keyBy(({ key }) => key, t.string), others).sinkTo(written());
      others.sinkTo(discard());
    },
  });
  return job.compile({ parameters: {}, configuration: { 'parallelism.default': '1' } });
}

/** A sink whose writer has state. */
function written(): any {
  return {
    ...{
      kind: 'sink',
      name: 'written',
      accepts: undefined,
      writerState: t.struct({ at: t.int64 }),
    },
    createWriter: () => ({
      write: nothing,
      flush: nothing,
      close: nothing,
      snapshotState: () => [],
    }),
  };
}

/** What a slot has registered when all its operators have been opened. */
async function registered(job: CompiledJob): Promise<ReadonlyMap<string, unknown>> {
  const slot = new CheckpointedSlot({ job, storage: new MemoryStorage() });
  await slot.open();
  const operators = slot.tasks.flatMap((task) => task.operators);
  return new Map(
    operators.map(({ id, keyedState, operatorState }) => [
      id,
      { keyed: keyedState?.declared ?? [], operator: operatorState.declared },
    ]),
  );
}

async function hold(what: string, build: Build): Promise<void> {
  const job = compiled(build);
  opened = 0;
  const graph = await graphWithStates(job);
  assert.equal(opened, 0, `${what}: no function of a user was opened`);
  assert.equal(graph.fingerprint, job.graph.fingerprint);
  const wanted = await registered(job);
  for (const { id, name, states } of graph.vertices.flatMap(({ operators }) => operators)) {
    const { keyed, operator } = states!;
    assert.deepEqual({ keyed, operator }, wanted.get(id), `${what}: ${name}`);
  }
}

for (const [what, build] of Object.entries(FUNCTIONS)) {
  test(`${what}: what is declared is what is registered`, () => hold(what, build));
}

for (const [assigned, assigner] of Object.entries(ASSIGNERS)) {
  test(`windows (${assigned}): what is declared is what is registered`, async () => {
    for (const [triggered, wanted] of Object.entries(TRIGGERS)) {
      for (const [kept, contents] of Object.entries(CONTENTS)) {
        if (wanted !== undefined && !KEPT.includes(kept)) continue;
        const build: Build = (_items, keyed) => {
          const windows = keyed().window(assigner);
          return contents(wanted === undefined ? windows : windows.trigger(wanted));
        };
        if (goTogether(build)) await hold(`${triggered}, ${kept}`, build);
      }
    }
  });
}

/** Not every trigger goes with every window. */
function goTogether(build: Build): boolean {
  try {
    compiled(build);
    return true;
  } catch (error) {
    if (isEngineError(error, 'API_INVALID_ARGUMENT')) return false;
    throw error;
  }
}

test('which kinds of state each operator can take at all is told', async () => {
  const graph = await graphWithStates(compiled(FUNCTIONS['timestamps']!));
  const operators = graph.vertices.flatMap((vertex) => vertex.operators);
  const takes = new Map(operators.map(({ kind, states }) => [kind, states!.takes]));
  const none = { keyed: false, lists: true, committables: false, enumerator: false };
  assert.deepEqual(takes.get('source'), { ...none, enumerator: true });
  assert.deepEqual(takes.get('sink'), none);
  assert.deepEqual(takes.get('assignTimestamps'), none);
  const mapped = await graphWithStates(compiled((_items, keyed) => keyed().reduce((a) => a)));
  const keyed = mapped.vertices.flatMap((vertex) => vertex.operators);
  assert.ok(keyed.some(({ states }) => states!.takes.keyed));
});

test('the keys’ schema, migrations and the place in the program are told', async () => {
  const graph = await graphWithStates(compiled(FUNCTIONS['keyed']!));
  const operators = graph.vertices.flatMap((vertex) => vertex.operators);
  const { key, keyed, declaredAt } = operators.find(({ name }) => name === 'process')!.states!;
  assert.deepEqual(key, t.string.description);
  const value = keyed.find(({ description }) => description.name === 'value')!;
  assert.deepEqual(value.migrations, [t.string.description]);
  assert.match(declaredAt!, /declared-states\.test\.ts:\d+:\d+$/);
});
