/**
 * What the enumerator of a source kept, as the source that goes on from it understands it: it was
 * written by whoever took the checkpoint, who may have been an earlier version of the program.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { EngineError, messageOf } from '../base/errors.ts';
import type { AnySource } from '../functions/source.ts';
import { ENUMERATOR, valueReading } from '../state/state-evolution.ts';
import { schemaOf } from '../types/index.ts';
import type { SchemaDescription } from '../types/schema-description.ts';

/** As the checkpoint has it. */
interface StoredEnumerator {
  readonly state: Uint8Array;
  readonly schema: SchemaDescription;
}

/** @throws EngineError STATE_NOT_EVOLVABLE, STATE_MIGRATION_FAILED, STATE_SNAPSHOT_CORRUPT */
export function restoredEnumerator(
  { state, schema: stored }: StoredEnumerator,
  { enumeratorState: schema, migrations }: AnySource,
  operator: string,
): unknown {
  const convert = valueReading(stored, {
    names: { operator, state: ENUMERATOR },
    ...{ schema, migrations: migrations?.enumeratorState ?? [] },
  });
  const value = decoded(stored, state, operator);
  return convert === undefined ? value : convert(value);
}

function decoded(stored: SchemaDescription, state: Uint8Array, operator: string): unknown {
  const reader = new ByteReader(state);
  try {
    const value = schemaOf(stored).codec.decode(reader);
    reader.expectEnd();
    return value;
  } catch (error) {
    const source = `what the enumerator of "${operator}" keeps`;
    const reason = messageOf(error);
    throw new EngineError('STATE_SNAPSHOT_CORRUPT', { source, reason }, { cause: error });
  }
}
