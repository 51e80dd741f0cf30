/**
 * What an operator is made of, as the API leaves it: live functions and schemas. A spec never
 * crosses a process; every worker gets its own by running the job's deterministic `build` again and
 * takes it by operator id. `operators/` turns a spec into an Operator.
 */
import type { Duration } from '../base/units.ts';
import type { AggregateFunction } from '../functions/aggregate-function.ts';
import type { AsyncFunction, AsyncOptions } from '../functions/async-function.ts';
import type {
  BroadcastProcessFunction,
  CoProcessFunction,
  KeyedBroadcastProcessFunction,
  KeyedCoProcessFunction,
  KeyedProcessFunction,
  ProcessFunction,
} from '../functions/process-function.ts';
import type { AnySink } from '../functions/sink.ts';
import type { AnySource } from '../functions/source.ts';
import type { Evictor } from '../functions/evictor.ts';
import type { BroadcastStateDescriptor } from '../functions/state.ts';
import type { Trigger } from '../functions/trigger.ts';
import type { AnyWindowFunction } from '../functions/window-function.ts';
import type { WindowAssigner } from '../functions/window.ts';
import type { WatermarkStrategy } from '../functions/watermark-strategy.ts';
import type { Key, Schema } from '../types/schema.ts';
import type {
  BroadcastJoinSpec,
  IntervalJoinSpec,
  TemporalJoinSpec,
  WindowJoinSpec,
} from './join-spec.ts';

/** Takes the key of a value; `schema` is undefined where the key's run-time family pins it. */
export interface KeySelector {
  readonly select: (value: any) => Key;
  readonly schema: Schema<Key> | undefined;
}

export type RollingFunction = 'sum' | 'min' | 'max' | 'minBy' | 'maxBy';

/** What a window gathers of its records. */
export type WindowContents =
  | { readonly kind: 'reduce'; readonly reduce: (accumulated: any, value: any) => unknown }
  | {
      readonly kind: 'rolling';
      readonly rolling: RollingFunction;
      readonly field: string | undefined;
    }
  | { readonly kind: 'aggregate'; readonly aggregate: AggregateFunction<any, any, any> }
  /** The records themselves. */
  | { readonly kind: 'list' };

/**
 * Windows by key, or (`keyed` false) of all records under one constant key. Without a function the
 * results are `{ key, window, value }`, without `key` if not keyed. The side output LATE_OUTPUT has
 * the records that came too late.
 */
export interface WindowSpec {
  readonly kind: 'window';
  readonly key: KeySelector;
  readonly keyed: boolean;
  readonly assigner: WindowAssigner<any>;
  /** Undefined: `defaultTriggerOf(assigner)`. */
  readonly trigger: Trigger<any> | undefined;
  readonly evictor: Evictor<any> | undefined;
  /** 0 for what is not of event time. */
  readonly allowedLateness: Duration;
  readonly contents: WindowContents;
  readonly function: AnyWindowFunction | undefined;
  /** Of the records; there wherever state holds them: see `keepsRecords`. */
  readonly value: Schema<unknown> | undefined;
}

export const LATE_OUTPUT = 'late';

/** Whether state holds records or what has their schema, rather than an accumulator. */
export function keepsRecords(spec: Pick<WindowSpec, 'contents' | 'evictor'>): boolean {
  return spec.contents.kind !== 'aggregate' || spec.evictor !== undefined;
}

export type OperatorSpec =
  | {
      readonly kind: 'source';
      readonly source: AnySource;
      /** For each of its splits. */
      readonly strategy?: WatermarkStrategy<any> | undefined;
    }
  | {
      readonly kind: 'assignTimestamps';
      readonly strategy: WatermarkStrategy<any>;
    }
  | { readonly kind: 'map'; readonly map: (value: any) => unknown }
  | { readonly kind: 'flatMap'; readonly flatMap: (value: any) => Iterable<unknown> }
  | { readonly kind: 'filter'; readonly predicate: (value: any) => boolean }
  | { readonly kind: 'process'; readonly function: ProcessFunction<any, any, any, any> }
  | {
      readonly kind: 'keyedProcess';
      readonly key: KeySelector;
      readonly function: KeyedProcessFunction<any, any, any, any, any, any>;
    }
  | {
      readonly kind: 'reduce';
      readonly key: KeySelector;
      readonly reduce: (accumulated: any, value: any) => unknown;
      readonly value: Schema<unknown>;
    }
  | {
      readonly kind: 'aggregate';
      readonly key: KeySelector;
      readonly aggregate: AggregateFunction<any, any, any>;
    }
  | {
      /**
       * sum, min, max keep the first record's other fields; minBy, maxBy the whole record. `field`
       * undefined: the value itself is the number.
       */
      readonly kind: 'rolling';
      readonly key: KeySelector;
      readonly rolling: RollingFunction;
      readonly field: string | undefined;
      readonly value: Schema<unknown>;
    }
  | WindowSpec
  | {
      readonly kind: 'coMap';
      readonly left: (value: any) => unknown;
      readonly right: (value: any) => unknown;
    }
  | {
      readonly kind: 'coFlatMap';
      readonly left: (value: any) => Iterable<unknown>;
      readonly right: (value: any) => Iterable<unknown>;
    }
  | { readonly kind: 'coProcess'; readonly function: CoProcessFunction<any, any, any, any, any> }
  | {
      readonly kind: 'keyedCoProcess';
      readonly leftKey: KeySelector;
      readonly rightKey: KeySelector;
      readonly function: KeyedCoProcessFunction<any, any, any, any, any, any, any>;
    }
  | {
      /** Input 0 carries the elements, input 1 the broadcast. */
      readonly kind: 'broadcastProcess';
      readonly states: readonly BroadcastStateDescriptor<any, any>[];
      readonly function: BroadcastProcessFunction<any, any, any, any, any>;
    }
  | {
      readonly kind: 'keyedBroadcastProcess';
      readonly key: KeySelector;
      readonly states: readonly BroadcastStateDescriptor<any, any>[];
      readonly function: KeyedBroadcastProcessFunction<any, any, any, any, any, any, any>;
    }
  | IntervalJoinSpec
  | TemporalJoinSpec
  | BroadcastJoinSpec
  | WindowJoinSpec
  | {
      readonly kind: 'async';
      readonly function: AsyncFunction<any, any>;
      readonly options: AsyncOptions;
    }
  | { readonly kind: 'sink'; readonly sink: AnySink };

export type OperatorKind = OperatorSpec['kind'];

/** How records of an edge are given to the parallel subtasks of its target. */
export type PartitionerSpec =
  | { readonly kind: 'forward' }
  | { readonly kind: 'hash'; readonly key: KeySelector }
  | { readonly kind: 'rebalance' }
  | { readonly kind: 'rescale' }
  | { readonly kind: 'shuffle' }
  | { readonly kind: 'broadcast' }
  | { readonly kind: 'global' }
  | {
      readonly kind: 'custom';
      readonly select: (value: any) => unknown;
      readonly partition: (key: any, channels: number) => number;
    };

export type PartitionerKind = PartitionerSpec['kind'];
