/**
 * What a program is told before it runs: inputs that do not exist, streams that go nowhere, uids
 * given twice, state by key without keys, schemas that do not fit. Every message names the operator
 * and the place in the user's program.
 */
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError } from '../base/errors.ts';
import { assert } from '../base/assert.ts';
import { keyFamilyOfSchema } from '../types/key-schema.ts';
import type { Schema } from '../types/schema.ts';
import { keepsRecords, type KeySelector, type OperatorSpec } from './operator-spec.ts';
import type { StreamNode } from './stream-graph.ts';
import { inputsOf, placeOf, type Transformation } from './transformation.ts';
import { schemaMismatch } from './schema-fit.ts';

/** Nodes lie at their id, and refer to nodes. */
export function requireInputs(transformations: readonly Transformation[]): void {
  for (const [index, node] of transformations.entries()) {
    assert(node.id === index, `transformation ${node.id} lies at ${index}`);
    for (const input of inputsOf(node)) {
      assert(transformations[input] !== undefined, `${node.name} reads transformation ${input}`);
    }
  }
}

/**
 * Every stream must end in a sink; side outputs may be left unread. @throws EngineError
 * GRAPH_NO_SINK
 */
export function requireSinks(transformations: readonly Transformation[]): void {
  const read = new Set(transformations.flatMap((node) => inputsOf(node)));
  for (const node of transformations) {
    if (read.has(node.id) || node.kind === 'sideOutput') continue;
    if (node.kind === 'operator' && node.spec.kind === 'sink') continue;
    throw new EngineError('GRAPH_NO_SINK', { operator: node.name, place: placeOf(node) });
  }
}

/** @throws EngineError GRAPH_DUPLICATE_UID, GRAPH_UID_MISSING */
export function requireUniqueUids(
  transformations: readonly Transformation[],
  autoGenerate: boolean,
): void {
  const seen = new Map<string, Transformation>();
  for (const node of transformations) {
    if (node.uid === undefined) {
      if (autoGenerate || node.kind !== 'operator') continue;
      throw new EngineError('GRAPH_UID_MISSING', { operator: node.name, place: placeOf(node) });
    }
    const other = seen.get(node.uid);
    if (other !== undefined) {
      throw new EngineError('GRAPH_DUPLICATE_UID', {
        uid: node.uid,
        first: `"${other.name}"${placeOf(other)}`,
        second: `"${node.name}"${placeOf(node)}`,
      });
    }
    seen.set(node.uid, node);
  }
}

/**
 * State by key needs records by key: every edge into a keyed input is partitioned by that
 * operator's key; both sides of a connection have keys of one family; and what an edge carries fits
 * the sink.
 * @throws EngineError GRAPH_KEYED_WITHOUT_KEYS, GRAPH_KEY_FAMILIES, GRAPH_INVALID_KEY_SCHEMA,
 * GRAPH_TYPE_MISMATCH
 */
export function requireKeys(node: StreamNode): void {
  const keys = keysOf(node);
  for (const edge of node.inputs) {
    const key = keys[edge.targetInput];
    if (key === undefined) continue;
    if (edge.partitioner.kind !== 'hash' || edge.partitioner.key.select !== key.select) {
      throw new EngineError('GRAPH_KEYED_WITHOUT_KEYS', {
        operator: node.name,
        partitioner: edge.partitioner.kind,
        place: placeOf(node.transformation),
      });
    }
  }
  const families = keys.map((key) => keyFamilyOf(node, key));
  if (families[0] !== undefined && families[1] !== undefined && families[0] !== families[1]) {
    throw new EngineError('GRAPH_KEY_FAMILIES', {
      operator: node.name,
      left: families[0],
      right: families[1],
      place: placeOf(node.transformation),
    });
  }
  requireField(node);
  requireFit(node);
}

function keysOf(node: StreamNode): readonly (KeySelector | undefined)[] {
  const { spec } = node;
  if ('leftKey' in spec) return [spec.leftKey, spec.rightKey];
  return 'key' in spec ? [spec.key] : [];
}

function keyFamilyOf(node: StreamNode, key: KeySelector | undefined): string | undefined {
  if (key?.schema === undefined) return undefined;
  const family = keyFamilyOfSchema(key.schema.description);
  if (family !== undefined) return family;
  throw new EngineError('GRAPH_INVALID_KEY_SCHEMA', {
    operator: node.name,
    kind: key.schema.kind,
    place: placeOf(node.transformation),
  });
}

/** sum, min, max and theirs name a field that the records have. */
function requireField({ spec, name, transformation }: StreamNode): void {
  const rolling =
    spec.kind === 'window' && spec.contents.kind === 'rolling'
      ? spec.contents
      : spec.kind === 'rolling'
        ? spec
        : undefined;
  const description = stateSchemaOf(spec)?.description;
  const field = rolling?.field;
  if (field === undefined || description?.kind !== 'struct') return;
  const fields = description.fields.map((candidate) => candidate.name);
  if (fields.includes(field)) return;
  throw new EngineError('GRAPH_UNKNOWN_FIELD', {
    operator: name,
    field,
    suggestion: didYouMean(field, fields),
    known: fields.join(', '),
    place: placeOf(transformation),
  });
}

function requireFit(node: StreamNode): void {
  const wanted = node.spec.kind === 'sink' ? node.spec.sink.accepts : stateSchemaOf(node.spec);
  if (wanted === undefined) return;
  for (const edge of node.inputs) {
    const mismatch = schemaMismatch(edge.schema.description, wanted.description);
    if (mismatch === undefined) continue;
    throw new EngineError('GRAPH_TYPE_MISMATCH', {
      operator: node.name,
      reason: mismatch,
      place: placeOf(node.transformation),
    });
  }
}

/** Of state that holds records of the input, or what has their schema. */
function stateSchemaOf(spec: OperatorSpec): Schema<unknown> | undefined {
  switch (spec.kind) {
    case 'reduce':
    case 'rolling':
      return spec.value;
    case 'window':
      return keepsRecords(spec) ? spec.value : undefined;
    default:
      return undefined;
  }
}
