/**
 * The contract of keyed state: what an operator's state of a range of key groups can do, whatever
 * holds it (memory, the local disk). All access is synchronous and concerns the current key;
 * records and state values are immutable, so that keeping a value is keeping a reference.
 *
 * Contract
 * K1. `setCurrentKey` gets the key group that the partitioner computed; it lies in `keyGroups`.
 * K2. The first key pins the family of all keys (number, bigint, string, boolean, tuple); a key of
 *     another family is STATE_KEY_FAMILY. A declared key schema or a restored snapshot pins it too.
 * K3. Handles act on the current key, and throw USER_CODE_OUTSIDE_CALL while there is none.
 * K4. A snapshot holds exactly the state of the moment of `beginSnapshot`; several may be open.
 * K5. `restore` comes before the first key, once, before or after `register`. It takes exactly the
 *     backend's key groups out of the chains given, and refuses when one is missing or twice there.
 *     Restored state that nobody registers is kept, and is in the next snapshot.
 * K6. A snapshot with a base holds at least what has changed between the moments of both, and what
 *     has gone; the chain from a whole one over its bases gives what a whole one would have given.
 */
import type { StateDescriptor } from '../functions/state.ts';
import type { Key, Schema } from '../types/schema.ts';
import type { RowLog, RowSchemas, RowTable } from './row-state.ts';
import type { DeclaredState } from './state-evolution.ts';
import type {
  SnapshotInput,
  SnapshotMark,
  SnapshotOptions,
  SnapshotOutput,
  SnapshotWriter,
} from './snapshot.ts';

/** Both ends are included. */
export interface KeyGroupRange {
  readonly first: number;
  readonly last: number;
}

/** What every backend is opened with; it is empty then. */
export interface KeyedStateOptions {
  /** The operator's name, for messages. */
  readonly operator: string;
  readonly keyGroups: KeyGroupRange;
  readonly maxParallelism: number;
  /** Undefined: the first key pins the family. */
  readonly keySchema?: Schema<Key> | undefined;
  /**
   * Lets others run; awaited every few milliseconds of a restore. Undefined: only reading does.
   */
  readonly pause?: (() => Promise<void>) | undefined;
  /** The clock in milliseconds, which may jump; needed where a state has a time-to-live. */
  readonly processingTime?: (() => number) | undefined;
  /** Told what functions of reducing and aggregating state have made, to see that it stays so. */
  readonly onAccumulated?: ((accumulator: unknown) => void) | undefined;
}

/**
 * @example
 * const counts = backend.register('counts', state.value(t.float64, { initial: 0 }));
 * backend.setCurrentKey('lhr', group);
 * counts.set(counts.get() + 1);
 * backend.clearCurrentKey();
 */
export interface KeyedStateBackend {
  readonly keyGroups: KeyGroupRange;
  readonly maxParallelism: number;
  /** Before every record that has a key. @throws EngineError STATE_KEY_FAMILY */
  setCurrentKey(key: Key, keyGroup: number): void;
  /** Whether `approach` pays: the keys are numbers, and their entries more than caches hold. */
  readonly approaches: boolean;
  /**
   * Keys that will be current soon, with their key groups (as many as there are groups): touches
   * the memory of their entries, so that it is near. Changes nothing.
   */
  approach(keys: readonly number[], keyGroups: Uint16Array): void;
  /** After the last record of a step: from here on handles throw (K3). */
  clearCurrentKey(): void;
  readonly currentKey: Key | undefined;
  /** Of the current key; meaningless while there is none. */
  readonly currentKeyGroup: number;
  /**
   * The handle of a state by its name in the operator; the same for the same name. States are told
   * from one another by name alone. What was restored with another schema becomes what the
   * descriptor says.
   * @throws EngineError STATE_INCOMPATIBLE if it was registered otherwise, STATE_NOT_EVOLVABLE if
   * restored so.
   */
  register<H>(name: string, descriptor: StateDescriptor<H>): H;
  /**
   * State of the current key and a namespace, e.g. a window. `namespace` is a schema of a number, a
   * text or a struct of these. @throws EngineError as `register`
   */
  registerNamespaced<H, N>(
    name: string,
    descriptor: StateDescriptor<H>,
    namespace: Schema<N>,
  ): NamespacedState<H, N>;
  /**
   * State of the current key and a slice of time that many keys share. Finding a key costs what it
   * costs in other state; a slice is dropped at once. @throws EngineError STATE_INCOMPATIBLE
   */
  registerSliced<H>(name: string, descriptor: StateDescriptor<H>): SlicedState<H>;
  /**
   * Timers of keys. They are state: in snapshots, and restored at any parallelism. The same queue
   * for the same name. `namespace` is a schema of a number, a text or a struct of these; undefined:
   * timers have none.
   * @throws EngineError as `register`
   */
  registerTimers<N>(name: string, namespace: Schema<N> | undefined): TimerQueue<N>;
  /**
   * Slots by keys of bytes, for operators on rows; `width` is in bytes and a multiple of 8. It is
   * part of the state as all other is. @throws EngineError as `register`
   */
  registerRowTable(name: string, width: number, schemas?: RowSchemas): RowTable;
  /** Chains of rows by keys of bytes, in slices of time. @throws EngineError as `register` */
  registerRowLog(name: string, schemas?: RowSchemas): RowLog;
  /** What the program has registered so far; not what was only restored. */
  readonly declared: readonly DeclaredState[];
  /** The timers that are registered, by name. For tests and tools. */
  readonly timers: ReadonlyMap<string, TimerQueue<unknown>>;
  /**
   * Calls `visit` for every key that holds something in the state of that name, with that key
   * current; it may read and change any state of that key. Keys come in no particular order. The
   * current key is what it was before, afterwards.
   */
  forEachKey(name: string, visit: (key: Key) => void): void;
  /** At a record boundary only (K4, K6). A base must not have been released. */
  beginSnapshot(output: SnapshotOutput, options?: SnapshotOptions): SnapshotWriter;
  /** No later snapshot will have it as its base; those that are open go on. Idempotent. */
  releaseMark(mark: SnapshotMark): void;
  /**
   * All snapshots of the operator's previous subtasks, or those that hold the wanted key groups
   * (K5). Each comes as a whole one and those based on it, each on the one before it.
   * @throws EngineError STATE_SNAPSHOT_CORRUPT, STATE_SNAPSHOT_MISMATCH, STATE_INCOMPATIBLE,
   * STATE_KEY_FAMILY
   */
  restore(chains: readonly (readonly SnapshotInput[])[]): Promise<void>;
  readonly usage: StateUsage;
  close(): void;
}

/**
 * What windows that merge need of their state, beside what users see of it: handles of reducing,
 * aggregating and list state have it.
 */
export interface MergingHandle {
  /** What is stored, which is gone afterwards; undefined if that is nothing. */
  take(): unknown;
  /**
   * Adds what `take` of another namespace has given, behind what is here, by the user's function.
   */
  merge(taken: unknown): void;
}

/**
 * @example
 * counts.setNamespace(window);
 * counts.handle.set(counts.handle.get() + 1);
 */
export interface NamespacedState<H, N> {
  /** Acts on the current key and namespace. */
  readonly handle: H;
  /**
   * Before the first use of the handle, and whenever another namespace is meant.
   * @throws EngineError STATE_VALUE_INVALID
   */
  setNamespace(namespace: N): void;
}

/**
 * @example
 * counts.setSlice(timestamp - (timestamp % 1000));
 * counts.handle.set(counts.handle.get() + 1);
 */
export interface SlicedState<H> {
  /** Acts on the current key and slice. */
  readonly handle: H;
  /** Before the first use of the handle, and whenever another slice is meant. */
  setSlice(start: number): void;
  /** Starts of all slices that hold something, ascending. */
  slices(): readonly number[];
  /**
   * Goes through all keys of a slice in no particular order. Nothing may be written to that slice
   * meanwhile.
   */
  cursor(start: number): SliceCursor;
  /** Drops the slice with everything in it. Open snapshots still see what was there. */
  dropSlice(start: number): void;
}

export interface SliceCursor {
  /** Comes to the next key; false at the end. Before it, there is no key. */
  next(): boolean;
  readonly key: Key;
  readonly keyGroup: number;
  /** What is stored: the value, or all of a list or map. */
  readonly value: unknown;
}

/**
 * Timers by time, each of a key and a namespace; the same timer is there once.
 * @example
 * timers.register(window.end - 1, window);
 * while (timers.pop(watermark)) fire(backend.currentKey, timers.namespace);
 */
export interface TimerQueue<N> {
  /**
   * For the current key. A second one of the same key, namespace and time is the same timer.
   * @throws EngineError STATE_VALUE_INVALID, USER_CODE_OUTSIDE_CALL
   */
  register(at: number, namespace: N): void;
  /** Of the current key; nothing happens if there is none. */
  delete(at: number, namespace: N): void;
  /** The time of the earliest timer, Infinity if there is none. */
  readonly next: number;
  /**
   * Removes the earliest timer if it is at or below `limit`, and makes its key current. Timers of
   * one time come in any order.
   */
  pop(limit: number): boolean;
  /** Of the timer that `pop` has removed last. */
  readonly at: number;
  readonly namespace: N;
  readonly size: number;
  /** By time. Looks at all timers: for tests and tools. */
  timersOfCurrentKey(): readonly { readonly at: number; readonly namespace: N }[];
}

export interface StateUsage {
  /** Live (state, key) pairs, and timers. */
  readonly entries: number;
  /** Bytes in typed tables, which V8's heap limit does not see. */
  readonly typedBytes: number;
  /** Begun and neither done nor aborted; while there are any, changes cost copies. */
  readonly openSnapshots: number;
  /** Marks that were not released; while there are any, what goes away leaves something behind. */
  readonly marks: number;
}
