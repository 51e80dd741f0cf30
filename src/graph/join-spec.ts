/** What the operators of joins are made of; a part of `OperatorSpec`. */
import type {
  CoGroupFunction,
  IntervalJoinFunction,
  WindowJoinFunction,
} from '../functions/join-function.ts';
import type { Key, Schema } from '../types/schema.ts';
import type { KeySelector, WindowSpec } from './operator-spec.ts';

/** The records of both sides, as far as the join keeps them in state. */
interface JoinSides<L = Schema<unknown>> {
  readonly left: L;
  readonly right: Schema<unknown>;
}

/** A function of two records for an inner join, or a function object. */
export type PairSpec<F> =
  | { readonly kind: 'inner'; readonly join: (left: any, right: any) => unknown }
  | { readonly kind: 'process'; readonly function: F };

/** Pairs of one key with `lower <= right's time - left's time <= upper`. */
export interface IntervalJoinSpec {
  readonly kind: 'intervalJoin';
  readonly leftKey: KeySelector;
  readonly rightKey: KeySelector;
  /** Both bounds are part of the interval, and whole numbers. */
  readonly lower: number;
  readonly upper: number;
  readonly pairs: PairSpec<IntervalJoinFunction<any, any, any, any>>;
  readonly sides: JoinSides;
}

/** Whether a record of a versioned stream ends the version before it. */
export type IsDeletion = (record: any) => boolean;

/** What becomes of a left record without a right one. */
export type OneSidedJoin = 'inner' | 'left';

/**
 * Left records with the version of their key that is valid at their time, or that is the latest.
 */
export interface TemporalJoinSpec {
  readonly kind: 'temporalJoin';
  readonly leftKey: KeySelector;
  readonly rightKey: KeySelector;
  readonly time: 'event' | 'processing';
  readonly type: OneSidedJoin;
  readonly join: (left: any, right: any) => unknown;
  readonly isDeletion: IsDeletion | undefined;
  /** By processing time, left records are not kept. */
  readonly sides: JoinSides<Schema<unknown> | undefined>;
}

/** Left records with the latest right one of the same key, of which every subtask has all. */
export interface BroadcastJoinSpec {
  readonly kind: 'broadcastJoin';
  readonly on: {
    readonly left: (value: any) => Key;
    readonly right: (value: any) => Key;
    /** Undefined: of the family of the first key. */
    readonly schema: Schema<Key> | undefined;
  };
  readonly type: OneSidedJoin;
  readonly join: (left: any, right: any) => unknown;
  readonly isDeletion: IsDeletion | undefined;
  /** Left records wait until the right side has ended. */
  readonly holdUntilEnd: boolean;
  /** Left records are kept only if they wait. */
  readonly sides: JoinSides<Schema<unknown> | undefined>;
}

/** What becomes of records without one of the other side in their window. */
export type JoinType = 'inner' | 'left' | 'right' | 'full';

/** What is made of the records of both sides in a window. */
export type WindowJoinResult =
  | { readonly kind: JoinType; readonly join: (left: any, right: any) => unknown }
  | { readonly kind: 'process'; readonly function: WindowJoinFunction<any, any, any, any, any> }
  | {
      readonly kind: 'coGroup';
      readonly function: CoGroupFunction<any, any, any, any, any, any, any>;
    };

/**
 * Records of both sides with equal keys in the same window. Assigner, trigger and evictor see
 * `{ side, value }`.
 */
export interface WindowJoinSpec extends Pick<
  WindowSpec,
  'assigner' | 'trigger' | 'evictor' | 'allowedLateness'
> {
  readonly kind: 'windowJoin';
  readonly leftKey: KeySelector;
  readonly rightKey: KeySelector;
  readonly result: WindowJoinResult;
  readonly sides: JoinSides;
}
