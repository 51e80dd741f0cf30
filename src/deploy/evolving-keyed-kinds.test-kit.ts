// Keyed state of functions, and of the operators that keep a value of each key.
import type { KeyedStream } from '../api/keyed-stream.ts';
import type { AggregateFunction } from '../functions/aggregate-function.ts';
import { state } from '../functions/state.ts';
import type { StateDescriptor } from '../functions/state.ts';
import { discard } from '../connectors/discard/discard.ts';
import { hours } from '../base/units.ts';
import { t } from '../types/index.ts';
import type { Key, Schema } from '../types/schema.ts';
import { itemOf, isLast, itemsOf, LAST, textOf } from './evolving-values.test-kit.ts';
import type { Branch, Change, Kind } from './evolving-values.test-kit.ts';

/** A process function by one key, with one state. */
function stateKind(
  kind: Pick<Kind, 'at' | 'told' | 'otherwise' | 'migrates'>,
  declared: (branch: Branch) => StateDescriptor<any>,
  calls: {
    readonly take: (handle: any, item: any, n: number) => void;
    readonly read: (handle: any) => unknown;
  },
): Kind {
  return {
    state: 'kept',
    ...kind,
    build(branch) {
      branch.numbers
        .keyBy(() => 'a', t.string)
        .process({
          emits: t.string,
          state: { kept: declared(branch) },
          onElement(n, context) {
            const { kept } = context.state as Record<string, unknown>;
            if (n === LAST) branch.say(textOf(calls.read(kept)));
            else calls.take(kept, itemOf(branch, n), n);
          },
        })
        .uid(branch.name)
        .name(branch.name)
        .sinkTo(discard());
    },
  };
}

const value = {
  take: (handle: any, item: any) => handle.get() === undefined && handle.set(item),
  read: (handle: any) => handle.get(),
};
const list = {
  take: (handle: any, item: any) => handle.add(item),
  read: (handle: any) => [...handle.values()],
};
const map = {
  take: (handle: any, item: any, n: number) => handle.set(`k${n}`, item),
  read: (handle: any) => [...handle.entries()],
};
const accumulated = { take: list.take, read: value.read };

const first: Kind['told'] = (kept) => [kept(1)];
const both: Kind['told'] = (kept) => [[kept(1), kept(2)]];
const entries: Kind['told'] = (kept) => [
  [
    ['k1', kept(1)],
    ['k2', kept(2)],
  ],
];
const DAY = { ttl: { duration: hours(24) } };

/** Keeps the first one. */
export function keepFirst({ schema, migrations }: Branch): AggregateFunction<any, any, any> {
  return {
    accumulator: schema,
    migrations,
    create: () => undefined,
    add: (kept, item) => kept ?? item,
    merge: (left, right) => left ?? right,
    result: (kept) => kept,
  };
}

/** Numbers by which something is found: `as` of the change, else as they were. */
const NUMBER_KEYS: Readonly<Partial<Record<Change, readonly [Schema<any>, (n: number) => Key]>>> = {
  widened: [t.int64, BigInt],
  narrowed: [t.int16, Number],
  'type changed': [t.string, String],
};

function numberKey(change: Change): readonly [Schema<any>, (n: number) => Key] {
  return NUMBER_KEYS[change] ?? [t.int32, Number];
}

const SAME = { kept: [[[1, 7]]] };

/** One for each key, 1 and 2; the last record is of key 1. */
function byKey(state: string, build: Kind['build'], told: Kind['told']): Kind {
  return { state, at: 'value', migrates: false, told, build };
}

export const KEYED_KINDS: Readonly<Record<string, Kind>> = {
  value: stateKind(
    { at: 'value', told: first },
    ({ schema, migrations }) => state.value(schema, { migrations }),
    value,
  ),
  valueTtl: stateKind(
    { at: 'value', told: first },
    ({ schema, migrations }) => state.value(schema, { migrations, ...DAY }),
    value,
  ),
  list: stateKind(
    { at: 'value', told: both },
    ({ schema, migrations }) => state.list(schema, { migrations }),
    list,
  ),
  listTtl: stateKind(
    { at: 'value', told: both },
    ({ schema, migrations }) => state.list(schema, { migrations, ...DAY }),
    list,
  ),
  map: stateKind(
    { at: 'value', told: entries },
    ({ schema, migrations }) => state.map(t.string, schema, { migrations }),
    map,
  ),
  mapTtl: stateKind(
    { at: 'value', told: entries },
    ({ schema, migrations }) => state.map(t.string, schema, { migrations, ...DAY }),
    map,
  ),
  mapKeys: stateKind(
    {
      at: 'key',
      migrates: false,
      told: (kept) => [[[kept(1), 7]]],
      otherwise: {
        same: SAME,
        'added with a default': SAME,
        removed: SAME,
        widened: { kept: [[['1n', 7]]] },
        'renamed by alias': SAME,
        migration: SAME,
        'added without a default': SAME,
        'renamed without alias': SAME,
        narrowed: { refused: /of key: it was int32, and is int16/ },
        'type changed': { refused: /of key: it was int32, and is string/ },
      },
    },
    ({ change }) => state.map(numberKey(change)[0], t.int32),
    { take: (handle, _item, n) => n === 1 && handle.set(n, 7), read: map.read },
  ),
  structKeys: stateKind(
    {
      at: 'key',
      migrates: false,
      told: (kept) => [[[kept(1), 7]]],
      otherwise: { removed: { refused: /of key\.note: it is gone, and keys .* would be one/ } },
    },
    ({ schema }) => state.map(schema, t.int32),
    { take: (handle, item, n) => n === 1 && handle.set(item, 7), read: map.read },
  ),
  reducing: stateKind(
    { at: 'value', told: first },
    ({ schema, migrations }) => state.reducing(schema, (kept) => kept, { migrations }),
    accumulated,
  ),
  aggregating: stateKind(
    { at: 'value', told: first },
    (branch) => state.aggregating(keepFirst(branch)),
    accumulated,
  ),
  nested: stateKind(
    { at: 'value[]', told: (kept) => [[[kept(1)]]].flat(), migrates: false },
    ({ schema }) => state.value(t.array(schema)),
    { take: (handle, item) => handle.get() === undefined && handle.set([item]), read: value.read },
  ),
  reduce: byKey(
    'reduced',
    (branch) =>
      itemsOf(branch)
        .keyBy(() => 'a', t.string)
        .reduce((kept, item) => {
          if (isLast(item)) branch.say(textOf(kept));
          return kept;
        })
        .uid(branch.name)
        .name(branch.name)
        .sinkTo(discard()),
    first,
  ),
  rolling: byKey(
    'reduced',
    (branch) =>
      (itemsOf(branch).keyBy(() => 'a', t.string) as KeyedStream<{ readonly n: number }, string>)
        .minBy('n')
        .uid(branch.name)
        .name(branch.name)
        .map((least) => (branch.isLater ? branch.say(textOf(least)) : undefined))
        .sinkTo(discard()),
    first,
  ),
  aggregate: {
    ...{ state: 'accumulator', at: 'value', told: first },
    build: (branch) =>
      itemsOf(branch)
        .keyBy(() => 'a', t.string)
        .aggregate(keepFirst(branch))
        .uid(branch.name)
        .name(branch.name)
        .map((result) => (branch.isLater ? branch.say(textOf(result.value)) : undefined))
        .sinkTo(discard()),
  },
};
