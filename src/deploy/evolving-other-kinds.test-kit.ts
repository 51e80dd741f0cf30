// State without keys, keys themselves, and what sources and sinks keep.
import type { DataStream } from '../api/data-stream.ts';
import { hours, timestamp } from '../base/units.ts';
import { discard } from '../connectors/discard/discard.ts';
import type { Sink } from '../functions/sink.ts';
import { state } from '../functions/state.ts';
import { t } from '../types/index.ts';
import type { Key, Schema } from '../types/schema.ts';
import { oneSplit } from './evolving-source.test-kit.ts';
import { isLast, itemOf, itemsOf, LAST, textOf } from './evolving-values.test-kit.ts';
import type { Branch, Change, Kind } from './evolving-values.test-kit.ts';

const first: Kind['told'] = (kept) => [kept(1)];
const both: Kind['told'] = (kept) => [[kept(1), kept(2)]];

function listKind(kind: 'split' | 'union'): Kind {
  return {
    ...{ state: 'operatorState.kept', at: 'value', told: both },
    build: (branch) =>
      branch.numbers
        .process({
          emits: t.string,
          operatorState: {
            kept: state[kind](branch.schema, { migrations: branch.migrations }),
          },
          onElement(n, context) {
            const { kept } = context.operatorState;
            if (n === LAST) branch.say(textOf([...kept.values()]));
            else kept.add(itemOf(branch, n));
          },
        })
        .uid(branch.name)
        .name(branch.name)
        .sinkTo(discard()),
  };
}

function broadcastOf(branch: Branch, key: Schema<any>, value: Schema<any>, isKey: boolean): void {
  const { numbers, migrations, name } = branch;
  const kept = state.broadcast('kept', key, value, isKey ? {} : { migrations });
  numbers
    .filter(() => false)
    .connect(numbers.broadcast(kept))
    .process({
      emits: t.string,
      onElement: () => undefined,
      onBroadcast(n, context) {
        const all = context.broadcast(kept);
        if (n === LAST) branch.say(textOf([...all.entries()]));
        else if (n === 1)
          all.set(...((isKey ? [itemOf(branch, n), 7] : ['k', itemOf(branch, n)]) as [any, any]));
      },
    })
    .uid(name)
    .name(name)
    .sinkTo(discard());
}

function broadcastJoinOf(
  branch: Branch,
  left: DataStream<any>,
  right: DataStream<any>,
  side: (left: any, right: any) => unknown,
): void {
  const one = () => 'a' as const;
  const tell = (...pair: [unknown, unknown]): string => {
    if (branch.isLater) branch.say(textOf(side(...pair)));
    return '';
  };
  left
    .broadcastJoin(right, { holdUntilEnd: true })
    .on(one, one, t.string)
    .inner(tell)
    .returns(t.string)
    .uid(branch.name)
    .name(branch.name)
    .sinkTo(discard());
}

/** What becomes of keys of another type: those of the same bytes go on. */
const KEYS: Readonly<Partial<Record<Change, readonly [Schema<any>, (n: number) => Key]>>> = {
  widened: [t.float64, Number],
  narrowed: [t.int16, Number],
  'type changed': [t.string, String],
};
const TOLD = ['kept', 'timer of 1', 'timer of 2'];
const KEPT = { kept: TOLD };

export const OTHER_KINDS: Readonly<Record<string, Kind>> = {
  split: listKind('split'),
  union: listKind('union'),
  broadcast: {
    ...{ state: 'kept', at: 'value', told: (kept) => [[['k', kept(1)]]] },
    build: (branch) => broadcastOf(branch, t.string, branch.schema, false),
  },
  broadcastKeys: {
    ...{ state: 'kept', at: 'key', told: (kept) => [[[kept(1), 7]]], migrates: false },
    otherwise: { removed: { refused: /of key\.note: it is gone, and keys .* would be one/ } },
    build: (branch) => broadcastOf(branch, branch.schema, t.int32, true),
  },
  broadcastLeft: {
    ...{ state: 'held', at: 'value.value', migrates: false },
    told: (kept, last) => [kept(1), kept(2), last],
    build: (branch) => broadcastJoinOf(branch, itemsOf(branch), branch.numbers, (left) => left),
  },
  broadcastRight: {
    ...{ state: 'right:string', at: 'value', migrates: false },
    told: (kept) => [kept(2), kept(2), kept(2)],
    build: (branch) => {
      const items = itemsOf(branch).filter((item) => !isLast(item));
      broadcastJoinOf(branch, branch.numbers, items, (_, right) => right);
    },
  },
  async: {
    ...{ state: 'in-flight', at: 'value.value', migrates: false },
    told: (kept, last) => [kept(1), kept(2), last],
    build: (branch) =>
      itemsOf(branch)
        // It must be in a task of its own to be given records as they are.
        .rebalance()
        .asyncMap(
          (item) =>
            branch.isLater
              ? Promise.resolve(branch.say(textOf(item)))
              : new Promise<void>(() => undefined),
          { timeout: hours(10) },
        )
        .setParallelism(1)
        .uid(branch.name)
        .name(branch.name)
        .sinkTo(discard()),
  },
  key: {
    ...{ state: 'kept', at: 'the key', migrates: false, told: () => TOLD },
    otherwise: {
      'added without a default': KEPT,
      'renamed without alias': KEPT,
      narrowed: { refused: /of the key: it was int32, and is int16/ },
      'type changed': { refused: /of the key: it was int32, and is string/ },
    },
    build: (branch) => {
      const [schema, keyOf] = KEYS[branch.change] ?? [t.int32, Number];
      branch.numbers
        .keyBy((n) => keyOf(n === 2 ? 2 : 1), schema)
        .process({
          emits: t.string,
          state: { kept: state.value(t.string) },
          onElement(n, context) {
            const { kept } = context.state;
            if (n === LAST) branch.say(textOf(kept.get()));
            else kept.set('kept');
            if (n !== LAST) context.timers.onEventTime(timestamp(1e9));
          },
          onTimer: (_at, { key }) => branch.say(textOf(`timer of ${String(key)}`)),
        })
        .uid(branch.name)
        .name(branch.name)
        .sinkTo(discard());
    },
  },
  splits: {
    ...{ state: 'splits', at: 'value.split.item', told: first },
    build: (branch) => source(branch, 'split'),
  },
  enumerator: {
    ...{ state: 'enumerator', at: 'value', told: first },
    build: (branch) => source(branch, 'enumeratorState'),
  },
  writer: {
    ...{ state: 'writer', at: 'value', told: first },
    build: (branch) => branch.numbers.sinkTo(writerSink(branch)).uid(branch.name).name(branch.name),
  },
  committables: {
    ...{ state: 'committables', at: 'the committable', told: first },
    code: 'RESTORE_COMMITTABLES_CHANGED',
    build: (branch) =>
      branch.numbers.sinkTo(committingSink(branch)).uid(branch.name).name(branch.name),
  },
};

/** Of which either the splits or the enumerator's state change. */
function source(branch: Branch, what: 'split' | 'enumeratorState'): void {
  const { schema, migrations, isLater, say } = branch;
  const isSplit = what === 'split';
  const made = oneSplit<number>({
    produces: t.int32,
    item: schema,
    first: itemOf(branch, 1),
    records(splits) {
      if (isSplit && isLater) say(textOf(splits[0]!.item));
      return [1];
    },
    isLater,
    migrations: {
      split: migrations?.map(({ from, migrate }) =>
        state.migration(t.struct({ id: t.string, item: from }), ({ id, item }) => ({
          id,
          item: migrate(item as never),
        })),
      ),
      enumeratorState: migrations,
    },
    onEnumerator(restored) {
      if (!isSplit && isLater) say(textOf(restored));
    },
    onRead: () => (isLater ? undefined : say('read')),
  });
  const as = isSplit
    ? { ...made, enumeratorState: t.any, migrations: { split: made.migrations?.split } }
    : {
        ...made,
        split: t.struct({ id: t.string, item: t.any }),
        migrations: { enumeratorState: made.migrations?.enumeratorState },
      };
  branch.env
    .from(as as never)
    .uid(branch.name)
    .name(branch.name)
    .sinkTo(discard());
}

function writerSink(branch: Branch): Sink<unknown, never, any> {
  return {
    kind: 'sink',
    name: 'writer',
    accepts: undefined,
    writerState: branch.schema,
    migrations: { writerState: branch.migrations },
    createWriter(_context, { own }) {
      if (branch.isLater) for (const item of own) branch.say(textOf(item));
      return {
        write: () => undefined,
        flush: () => undefined,
        snapshotState: () => [itemOf(branch, 1)],
        close: () => undefined,
      };
    },
  };
}

function committingSink(branch: Branch): Sink<unknown, any> {
  let isPrepared = branch.isLater;
  return {
    kind: 'sink',
    name: 'committing',
    accepts: undefined,
    committable: branch.schema,
    migrations: { committable: branch.migrations },
    createWriter: () => ({
      write: () => undefined,
      flush: () => undefined,
      prepareCommit() {
        if (isPrepared) return [];
        isPrepared = true;
        return [itemOf(branch, 1)];
      },
      close: () => undefined,
    }),
    createCommitter: () => ({
      commit(requests) {
        for (const request of requests) {
          if (branch.isLater) branch.say(textOf(request.committable));
          else request.retryLater();
        }
      },
    }),
  };
}
