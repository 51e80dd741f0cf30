/**
 * Makes what was restored the state that the program declares, where the two have other schemas:
 * entry by entry, table by table, so that not everything is there twice.
 */
import { assert } from '../../base/assert.ts';
import type { Convert } from '../../types/index.ts';
import type { Key } from '../../types/schema.ts';
import type { StateReading } from '../state-evolution.ts';
import { loadValue, storeValue } from './column.ts';
import type { HeapState } from './heap-state.ts';
import type { KeyGroupTable } from './key-group-table.ts';
import type { EvolvingNamespace } from './namespace-parts.ts';
import { OrderedMap } from './ordered-map.ts';
import { SlicedHeapState } from './sliced-heap-state.ts';
import { TimedValues } from './timed-values.ts';
import type { HeapTimerQueue } from './timers/heap-timer-queue.ts';
import { StampedList } from './ttl/stamped-list.ts';

/** Nothing is left in `from`. Before the first snapshot. */
export function evolveEntries(from: HeapState, to: HeapState, reading: StateReading): void {
  const { observers, newestMark } = from.parts.clock;
  assert(observers.length === 0 && newestMark === 0, 'K4: a state changes under a snapshot');
  for (let group = 0; group < from.tables.length; group++) {
    for (const table of from.tablesOf(group)) {
      if (to instanceof SlicedHeapState) to.select(table.slice!);
      moveTable(table, from, to, reading);
    }
    from.clearGroup(group);
  }
}

/** The same of timers. */
export function evolveTimers(
  from: HeapTimerQueue,
  to: HeapTimerQueue,
  { namespace }: StateReading,
): void {
  const former = to.evolving(namespace);
  from.takeAll((timer, parts) => {
    const isNew = to.restore(timer, former === undefined ? parts : former.evolved(parts));
    assert(isNew, 'J1: two timers have become one');
  });
}

function moveTable(
  table: KeyGroupTable,
  from: HeapState,
  to: HeapState,
  reading: StateReading,
): void {
  const former = to.evolving(reading.namespace);
  for (let slot = table.first; slot < table.end; slot += table.step) {
    if (table.versionAt(slot) <= 0) continue;
    const key = former === undefined ? table.keyAt(slot) : evolvedKey(table.keyAt(slot), former);
    const lookup = to.context.lookupOf(key);
    const target = to.makeTableOf(table.group, lookup);
    if (target.size === 0) target.reserve(table.size);
    const value = evolved(loadValue(from.column, table.values, slot), to, reading);
    const place = target.insert(lookup, key);
    target.markRestored(place);
    storeValue(to.column, target.values, place, value);
    if (table.times !== undefined) target.setTime(place, table.timeAt(slot));
  }
}

/** Of a key and the parts of a namespace. */
function evolvedKey(tuple: Key, former: EvolvingNamespace): Key {
  const [key, ...parts] = tuple as readonly Key[];
  return [key!, ...former.evolved(parts)];
}

function evolved(stored: unknown, to: HeapState, reading: StateReading): unknown {
  const convert: Convert = reading.value ?? ((value) => value);
  switch (to.description.kind) {
    case 'list':
      return stored instanceof StampedList
        ? stampedList(stored, convert)
        : (stored as unknown[]).map(convert);
    case 'map':
      return orderedMap(stored as OrderedMap, to, convert, reading.key ?? ((key) => key));
    case 'timeline':
      return timedValues(stored as TimedValues, convert);
    default:
      return convert(stored);
  }
}

function stampedList(list: StampedList, convert: Convert): StampedList {
  const result = StampedList.of([], Infinity);
  for (let i = 0; i < list.length; i++) result.append(convert(list.items[i]), list.times[i]!);
  return result;
}

function orderedMap(map: OrderedMap, to: HeapState, value: Convert, key: Convert): OrderedMap {
  const lookups = to.mapLookups!;
  const result = new OrderedMap(lookups, to.isTimed);
  const view = map.peek();
  for (let at = 0; at < view.end; at++) {
    if (!view.holds(at)) continue;
    const now = key(view.key(at));
    const time = to.isTimed ? view.time(at) : undefined;
    result.set(lookups.of(now), now, value(view.value(at)), time);
  }
  return result;
}

function timedValues(values: TimedValues, convert: Convert): TimedValues {
  const result = new TimedValues(values.timeAt(0), convert(values.valueAt(0)));
  for (let i = 1; i < values.size; i++) result.add(values.timeAt(i), convert(values.valueAt(i)));
  return result;
}
