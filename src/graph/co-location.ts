/**
 * Co-location groups: subtask i of every operator of one runs in the same slot, always. Subtasks of
 * one slot sharing group with the same number do (`slot-sharing.ts`), so the members of a group
 * must be of one slot sharing group and have equally many subtasks.
 */
import { EngineError } from '../base/errors.ts';
import type { StreamNode } from './stream-graph.ts';
import { placeOf } from './transformation.ts';

/** @throws EngineError GRAPH_INVALID_SETTING where a group cannot be kept together */
export function requireCoLocation(nodes: readonly StreamNode[]): void {
  const firsts = new Map<string, StreamNode>();
  for (const node of nodes) {
    const { coLocationGroup: key } = node;
    if (key === undefined) continue;
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, node);
    else requireSame(first, node, key);
  }
}

function requireSame(first: StreamNode, node: StreamNode, key: string): void {
  const [one, other] = [first.slotSharingGroup, node.slotSharingGroup];
  if (one !== other) {
    refuse(
      node,
      key,
      `"${first.name}", which has that key too, is in the slot sharing group "${one}", and this ` +
        `in "${other}", and tasks of different ones never share a slot`,
    );
  }
  if (first.parallelism === node.parallelism) return;
  refuse(
    node,
    key,
    `"${first.name}", which has that key too, has parallelism ${first.parallelism}, and this ` +
      `${node.parallelism}: subtask i of each is to run beside subtask i of the other`,
  );
}

function refuse(node: StreamNode, key: string, reason: string): never {
  throw new EngineError('GRAPH_INVALID_SETTING', {
    setting: 'coLocationGroup',
    operator: node.name,
    value: JSON.stringify(key),
    reason,
    place: placeOf(node.transformation),
  });
}
