/**
 * What is known about the schema of each stream of a job, and from it the schemas of state that an
 * operation did not declare. A stream has a schema if its source or process function declares one,
 * if `.returns(schema)` states it, or if its operator hands its input's values on unchanged.
 */
import { EngineError } from '../base/errors.ts';
import type { Schema } from '../types/schema.ts';
import { t } from '../types/t.ts';
import { keepsRecords, type OperatorSpec } from './operator-spec.ts';
import {
  inputsOf,
  placeOf,
  type OperatorTransformation,
  type SideOutputSchema,
  type Transformation,
  type TransformationId,
  type UnresolvedSpec,
} from './transformation.ts';
import { windowResultSchema } from './window-result-schema.ts';

export class StreamSchemas {
  readonly #transformations: readonly Transformation[];
  readonly #known = new Map<TransformationId, Schema<unknown> | undefined>();

  constructor(transformations: readonly Transformation[]) {
    this.#transformations = transformations;
  }

  /**
   * The schema of a node's stream (of an operator: its main output); undefined if nothing declares
   * one.
   */
  of(id: TransformationId): Schema<unknown> | undefined {
    // Inputs are looked up before their readers, with a stack of our own: chains may be long.
    const open = [id];
    while (open.length > 0) {
      const node = this.#transformations[open.at(-1)!]!;
      const missing = inputsOf(node).filter((input) => !this.#known.has(input));
      if (missing.length > 0 && !this.#known.has(node.id)) {
        open.push(...missing);
        continue;
      }
      open.pop();
      if (!this.#known.has(node.id)) this.#known.set(node.id, this.#derive(node));
    }
    return this.#known.get(id);
  }

  /** The spec with its state's schema. @throws EngineError GRAPH_STATE_SCHEMA_MISSING */
  resolveSpec(node: OperatorTransformation): OperatorSpec {
    if (isJoin(node.spec)) return { ...node.spec, sides: this.#sides(node) };
    if (!hasOpenState(node.spec)) return node.spec;
    const { builtIn: _builtIn, ...spec } = node.spec;
    const value = this.#stateSchema(node);
    if (spec.kind === 'window') {
      return { ...spec, value: value ?? (keepsRecords(spec) ? this.#missing(node, 0) : undefined) };
    }
    return { ...spec, value: value ?? this.#missing(node, 0) };
  }

  /** Those of the side outputs, as far as they are known. */
  sideOutputs(node: OperatorTransformation): ReadonlyMap<string, Schema<unknown>> {
    const known = new Map<string, Schema<unknown>>();
    for (const [tag, declared] of node.sideOutputs) {
      const schema = this.#sideOutput(node, declared);
      if (schema !== undefined) known.set(tag, schema);
    }
    return known;
  }

  #derive(node: Transformation): Schema<unknown> | undefined {
    if (node.returns !== undefined) return node.returns;
    if (node.kind === 'partition') return this.#known.get(node.input);
    if (node.kind === 'union') return this.#common(node.inputs);
    if (node.kind === 'sideOutput') {
      const producer = this.#transformations[node.input]!;
      const declared =
        producer.kind === 'operator' ? producer.sideOutputs.get(node.tag) : undefined;
      return declared && this.#sideOutput(producer as OperatorTransformation, declared);
    }
    if (node.output.kind === 'declared') return node.output.schema;
    if (node.output.kind === 'state') {
      const state = this.#stateSchema(node);
      return node.spec.kind === 'window' ? windowResultSchema(node.spec, state) : state;
    }
    return node.output.kind === 'input' ? this.#common(node.inputs) : undefined;
  }

  #stateSchema(node: OperatorTransformation): Schema<unknown> | undefined {
    if (!hasOpenState(node.spec)) return undefined;
    return node.spec.value ?? this.of(node.inputs[0]!) ?? node.spec.builtIn;
  }

  /** @throws EngineError GRAPH_STATE_SCHEMA_MISSING */
  #sides(node: OperatorTransformation): { readonly left: any; readonly right: Schema<unknown> } {
    const left = this.of(node.inputs[0]!);
    const right = this.of(node.inputs[1]!) ?? this.#missing(node, 1);
    return { left: left ?? (keepsLeft(node.spec) ? this.#missing(node, 0) : undefined), right };
  }

  #sideOutput(
    node: OperatorTransformation,
    declared: SideOutputSchema,
  ): Schema<unknown> | undefined {
    if (!('recordsOf' in declared)) return declared;
    const { recordsOf } = declared;
    const left = this.of(node.inputs[0]!);
    if (recordsOf === 'left') return left;
    const right = this.of(node.inputs[1]!);
    if (recordsOf === 'right') return right;
    return left === undefined || right === undefined ? undefined : t.oneOf({ left, right });
  }

  #missing(node: OperatorTransformation, input: 0 | 1): never {
    const sides = node.inputs.length === 1 ? [''] : [' of its left side', ' of its right side'];
    throw new EngineError('GRAPH_STATE_SCHEMA_MISSING', {
      operator: node.name,
      side: sides[input]!,
      place: placeOf(node),
      upstream: this.#producerName(node.inputs[input]!),
    });
  }

  /** The schema of several streams, if they agree. */
  #common(inputs: readonly TransformationId[]): Schema<unknown> | undefined {
    const schemas = inputs.map((input) => this.#known.get(input));
    const first = schemas[0];
    if (first === undefined) return undefined;
    const text = JSON.stringify(first.description);
    const agree = schemas.every(
      (schema) => schema !== undefined && JSON.stringify(schema.description) === text,
    );
    return agree ? first : undefined;
  }

  /** The name of the operator whose `.returns(...)` is missing. */
  #producerName(id: TransformationId): string {
    let node = this.#transformations[id]!;
    while (node.kind !== 'operator') node = this.#transformations[inputsOf(node)[0]!]!;
    return node.name;
  }
}

type OpenStateSpec = Extract<UnresolvedSpec, { readonly builtIn: unknown }>;

function hasOpenState(spec: UnresolvedSpec): spec is OpenStateSpec {
  return 'builtIn' in spec;
}

type JoinKind = Extract<OperatorSpec, { readonly sides: unknown }>['kind'];

const JOINS: Readonly<Record<JoinKind, true>> = {
  intervalJoin: true,
  temporalJoin: true,
  broadcastJoin: true,
  windowJoin: true,
};

function isJoin(spec: UnresolvedSpec): spec is Extract<UnresolvedSpec, { kind: JoinKind }> {
  return Object.hasOwn(JOINS, spec.kind);
}

function keepsLeft(spec: UnresolvedSpec): boolean {
  if (spec.kind === 'temporalJoin') return spec.time === 'event';
  return spec.kind !== 'broadcastJoin' || spec.holdUntilEnd;
}
