/**
 * The identity of operators over versions of a program: the hash of the uid, else of the path of
 * names that leads to the operator from the nearest operators with a uid or the sources. Operators
 * with the same path are told apart by their order of declaration. Nothing else of a program
 * matters, so adding, removing or changing other branches leaves an id as it is.
 */
import { murmur128 } from '../base/murmur128.ts';
import type { OperatorId } from './job-graph.ts';
import { inputsOf, type Transformation, type TransformationId } from './transformation.ts';

/** `ordered` has producers before consumers. */
export function operatorIds(
  transformations: readonly Transformation[],
  ordered: readonly Transformation[],
): ReadonlyMap<TransformationId, OperatorId> {
  const identities = new Map<TransformationId, OperatorId>();
  const paths = new Map<string, Transformation[]>();
  for (const node of ordered) {
    if (node.kind !== 'operator') {
      identities.set(node.id, identityOfWay(node, identities));
      continue;
    }
    if (node.uid !== undefined) {
      identities.set(node.id, murmur128(node.uid));
      continue;
    }
    const path = JSON.stringify([node.name, inputsOf(node).map((input) => identities.get(input))]);
    const alike = paths.get(path) ?? [];
    paths.set(path, [...alike, node]);
    identities.set(node.id, murmur128(`path:${path}:${alike.length}`));
  }
  return new Map(
    transformations
      .filter((node) => node.kind === 'operator')
      .map((node) => [node.id, identities.get(node.id)!]),
  );
}

/** Unions and side outputs are part of a path; how records are partitioned is not. */
function identityOfWay(
  node: Exclude<Transformation, { kind: 'operator' }>,
  identities: ReadonlyMap<TransformationId, OperatorId>,
): OperatorId {
  if (node.kind === 'partition') return identities.get(node.input)!;
  if (node.kind === 'sideOutput') return `${identities.get(node.input)!}/${node.tag}`;
  return node.inputs.map((input) => identities.get(input)!).join('+');
}
