/** Makes the operator of a spec. */
import { unreachable } from '../base/assert.ts';
import type { Duration } from '../base/units.ts';
import type { OperatorSpec } from '../graph/operator-spec.ts';
import type { Schema } from '../types/schema.ts';
import { AggregateOperator } from './aggregate-operator.ts';
import { AsyncOperator } from './async-operator.ts';
import {
  BroadcastProcessOperator,
  KeyedBroadcastProcessOperator,
} from './broadcast-process-operator.ts';
import { CoFlatMapOperator, CoMapOperator } from './co-map-operators.ts';
import { CoProcessOperator, KeyedCoProcessOperator } from './co-process-operator.ts';
import { FilterOperator } from './filter-operator.ts';
import { FlatMapOperator } from './flat-map-operator.ts';
import { BroadcastJoinOperator } from './joins/broadcast-join-operator.ts';
import { IntervalJoinOperator } from './joins/interval-join-operator.ts';
import { temporalJoinOperator } from './joins/temporal-join-operator.ts';
import { WindowJoinOperator } from './joins/window-join-operator.ts';
import { MapOperator } from './map-operator.ts';
import type { Operator } from './operator.ts';
import { KeyedProcessOperator, ProcessOperator } from './process-operator.ts';
import { ReduceOperator } from './reduce-operator.ts';
import { rollingReduction } from './rolling-functions.ts';
import type { SinkWiring } from './sink-operator.ts';
import { SinkOperator } from './sink-operator.ts';
import type { SourceWiring } from './source-operator.ts';
import { SourceOperator } from './source-operator.ts';
import { createWindowOperator } from './windows/create-window-operator.ts';
import { TimestampsOperator } from './timestamps-operator.ts';

export interface OperatorWiring {
  /** Schema of the records that the operator gets; of the first input, if there are two. */
  readonly input: Schema<unknown> | undefined;
  readonly autoWatermarkInterval: Duration;
  readonly source: SourceWiring;
  readonly sink: SinkWiring;
}

export function createOperator(spec: OperatorSpec, wiring: OperatorWiring): Operator {
  switch (spec.kind) {
    case 'source':
      return new SourceOperator(
        {
          source: spec.source,
          strategy: spec.strategy,
          autoWatermarkInterval: wiring.autoWatermarkInterval,
        },
        wiring.source,
      );
    case 'assignTimestamps':
      return new TimestampsOperator(spec.strategy, wiring.autoWatermarkInterval);
    case 'map':
      return new MapOperator(spec.map);
    case 'flatMap':
      return new FlatMapOperator(spec.flatMap);
    case 'filter':
      return new FilterOperator(spec.predicate);
    case 'process':
      return new ProcessOperator(spec.function);
    case 'keyedProcess':
      return new KeyedProcessOperator(spec.key, spec.function);
    case 'reduce':
      return new ReduceOperator({
        key: spec.key,
        reduce: spec.reduce,
        value: spec.value,
        role: 'reduce',
      });
    case 'rolling':
      return new ReduceOperator({
        key: spec.key,
        reduce: rollingReduction(spec.rolling, spec.field, spec.value),
        value: spec.value,
        role: spec.rolling,
      });
    case 'aggregate':
      return new AggregateOperator(spec.key, spec.aggregate);
    case 'window':
      return createWindowOperator(spec);
    case 'coMap':
      return new CoMapOperator(spec.left, spec.right);
    case 'coFlatMap':
      return new CoFlatMapOperator(spec.left, spec.right);
    case 'coProcess':
      return new CoProcessOperator(spec.function);
    case 'keyedCoProcess':
      return new KeyedCoProcessOperator(spec.leftKey, spec.rightKey, spec.function);
    case 'broadcastProcess':
      return new BroadcastProcessOperator(spec.states, spec.function);
    case 'keyedBroadcastProcess':
      return new KeyedBroadcastProcessOperator(spec.key, spec.states, spec.function);
    case 'intervalJoin':
      return new IntervalJoinOperator(spec);
    case 'temporalJoin':
      return temporalJoinOperator(spec);
    case 'broadcastJoin':
      return new BroadcastJoinOperator(spec);
    case 'windowJoin':
      return new WindowJoinOperator(spec);
    case 'async':
      return new AsyncOperator(spec.function, spec.options, wiring.input!);
    case 'sink':
      return new SinkOperator(spec.sink, wiring.sink);
    default:
      return unreachable(spec, 'createOperator');
  }
}
