/**
 * Which operators work by event time, and whether the records that reach them can have any: a
 * window of event time over records without timestamps would never get any of them.
 */
import { EngineError } from '../base/errors.ts';
import { needsTimestamps, type Trigger } from '../functions/trigger.ts';
import type { WatermarkStrategy } from '../functions/watermark-strategy.ts';
import { defaultTriggerOf, windowTimeOf } from '../functions/window.ts';
import type { OperatorSpec, WindowSpec } from './operator-spec.ts';
import type { StreamEdge, StreamNode } from './stream-graph.ts';
import { placeOf, type TransformationId } from './transformation.ts';

/** Whether an operator needs the event time of every record that it gets. */
export function needsEventTime(spec: OperatorSpec): boolean {
  switch (spec.kind) {
    case 'window':
    case 'windowJoin':
      return windowTimeOf(spec.assigner) === 'event' || needsTimestamps(triggerOf(spec));
    case 'temporalJoin':
      return spec.time === 'event';
    case 'intervalJoin':
      return true;
    default:
      return false;
  }
}

/**
 * Refuses operators of event time behind a source that certainly gives no timestamps. A source that
 * does not say is seen when it runs.
 * @throws EngineError GRAPH_NO_TIMESTAMPS
 */
export function requireTimestamps(nodes: readonly StreamNode[]): void {
  const byId = new Map(nodes.map((node) => [node.transformation.id, node]));
  /** Of the main output: the source whose records lack timestamps, if all or some surely do. */
  const lacking = new Map<TransformationId, StreamNode | undefined>();
  const lackingOn = (edge: StreamEdge): StreamNode | undefined => {
    const producer = byId.get(edge.source)!;
    // What a source puts aside has no time either.
    const aside = producer.spec.kind === 'source' && edge.tag !== undefined;
    return aside ? producer : lacking.get(edge.source);
  };
  // Producers come first.
  for (const node of nodes) {
    const found = node.inputs.map(lackingOn);
    const missing = found.find((source) => source !== undefined);
    if (missing !== undefined && needsEventTime(node.spec)) {
      throw new EngineError('GRAPH_NO_TIMESTAMPS', {
        operator: node.name,
        source: missing.name,
        place: placeOf(node.transformation),
      });
    }
    lacking.set(node.transformation.id, lackingBehind(node, found));
  }
}

/** Of what a node emits; `found` is of its inputs' edges. */
function lackingBehind(
  node: StreamNode,
  found: readonly (StreamNode | undefined)[],
): StreamNode | undefined {
  const { spec } = node;
  switch (spec.kind) {
    case 'source':
      return stamps(spec.strategy) || spec.source.timestamps !== false ? undefined : node;
    case 'assignTimestamps':
      return stamps(spec.strategy) ? undefined : found.find((source) => source !== undefined);
    case 'window':
    case 'windowJoin':
      return undefined;
    default:
      return emitsAtTimers(spec) ? undefined : lackingOfAll(node, found);
  }
}

/** Records of every edge of an input come through; of two inputs, perhaps those of one only. */
function lackingOfAll(
  node: StreamNode,
  found: readonly (StreamNode | undefined)[],
): StreamNode | undefined {
  const perInput = [0, 1].flatMap((input) => {
    const edges = found.filter((_, index) => node.inputs[index]!.targetInput === input);
    return edges.length === 0 ? [] : [edges.find((source) => source !== undefined)];
  });
  return perInput.every((source) => source !== undefined) ? perInput[0] : undefined;
}

function stamps(strategy: WatermarkStrategy<never> | undefined): boolean {
  return strategy?.timestamp !== undefined;
}

/** What is emitted at a timer of event time has the timer's. */
function emitsAtTimers(spec: OperatorSpec): boolean {
  return 'function' in spec && spec.function !== undefined && 'onTimer' in spec.function;
}

function triggerOf({ trigger, assigner }: Pick<WindowSpec, 'trigger' | 'assigner'>): Trigger<any> {
  return trigger ?? defaultTriggerOf(assigner);
}
