/**
 * Committables of a checkpoint as the program that goes on from it encodes them: they were written
 * with the schema of whoever took the checkpoint, which may be an earlier form of this one.
 *
 * Invariants
 * R1. What is decoded is decoded with the schema that it was encoded with, to its last byte.
 * R2. What cannot go on is refused for good, with the names of sink and field.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { EngineError, messageOf } from '../base/errors.ts';
import type { StateMigration } from '../functions/state.ts';
import { convertOf, valueEvolution } from '../state/state-evolution.ts';
import { bareDescription, schemaOf } from '../types/index.ts';
import type { SchemaDescription } from '../types/schema-description.ts';
import type { Schema } from '../types/schema.ts';

/** For messages. */
export interface RestoredSinkName {
  readonly operator: string;
  readonly checkpointId: number | string;
}

/** R1. @throws EngineError STATE_SNAPSHOT_CORRUPT */
export function decodeCommittable(
  schema: Schema<unknown>,
  encoded: Uint8Array,
  operator: string,
): unknown {
  const reader = new ByteReader(encoded);
  try {
    const committable = schema.codec.decode(reader);
    reader.expectEnd();
    return committable;
  } catch (error) {
    const source = `what "${operator}" has prepared to commit`;
    const reason = messageOf(error);
    throw new EngineError('STATE_SNAPSHOT_CORRUPT', { source, reason }, { cause: error });
  }
}

export function encodeCommittable(schema: Schema<unknown>, committable: unknown): Uint8Array {
  const out = new ByteWriter();
  schema.codec.encode(committable, out);
  return out.copy();
}

interface DeclaredCommittable {
  readonly schema: Schema<unknown>;
  readonly migrations: readonly StateMigration<unknown>[];
}

/**
 * What makes one of them anew; undefined: they are as this program would write them.
 * @throws EngineError R2: RESTORE_COMMITTABLES_CHANGED
 */
export function evolutionOfCommittables(
  stored: SchemaDescription,
  { schema: declared, migrations }: DeclaredCommittable,
  { operator, checkpointId }: RestoredSinkName,
): ((encoded: Uint8Array) => Uint8Array) | undefined {
  if (textOf(stored) === textOf(declared.description)) return undefined;
  const from = migrations.map((each) => each.from.description);
  const evolution = valueEvolution(stored, declared.description, from, 'the committable');
  if (evolution.kind === 'refused') {
    const { field, reason, fix } = evolution;
    const parameters = { operator, checkpointId, field, reason, fix };
    throw new EngineError('RESTORE_COMMITTABLES_CHANGED', parameters);
  }
  const former = schemaOf(stored);
  const names = { operator, state: 'committables' };
  const convert = convertOf(evolution, { names, schema: declared, migrations });
  return (encoded) => {
    const committable = decodeCommittable(former, encoded, operator);
    return encodeCommittable(declared, convert === undefined ? committable : convert(committable));
  };
}

/** What is said for older values says nothing of the bytes. */
function textOf(description: SchemaDescription): string {
  return JSON.stringify(bareDescription(description));
}
