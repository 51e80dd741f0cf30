/**
 * Records by key in broadcast state, the last one of each key. Where no schema of the keys is
 * declared, there is a state for each family of keys, and the first key says which one is used.
 *
 * Invariants
 * T1. All keys are of one family, also those that were restored: keys that look alike must not be
 *     taken for different ones.
 */
import { EngineError } from '../../base/errors.ts';
import { state } from '../../functions/state.ts';
import type { BroadcastState } from '../../functions/state.ts';
import { keyFamilyOfSchema } from '../../types/key-schema.ts';
import { keyFamily } from '../../types/key.ts';
import type { KeyFamily } from '../../types/key.ts';
import type { Key, Schema } from '../../types/schema.ts';
import { dynamic, t } from '../../types/t.ts';
import type { OperatorContext } from '../operator.ts';

type Records = BroadcastState<Key, unknown>;

const SCHEMAS: Readonly<Record<KeyFamily, Schema<any>>> = {
  string: t.string,
  number: t.float64,
  boolean: t.boolean,
  bigint: dynamic,
  tuple: dynamic,
};
const FAMILIES = Object.keys(SCHEMAS) as KeyFamily[];

export class BroadcastTable {
  readonly #operator: string;
  readonly #states: ReadonlyMap<KeyFamily, Records>;
  /** T1 */
  #family: KeyFamily | undefined = undefined;
  /** The family once more, as what `typeof` says of its keys; no type until the first key. */
  #type = '';
  #records!: Records;

  /** In the operator's `open`: all subtasks must have the same states. */
  constructor(context: OperatorContext, records: Schema<unknown>, keys: Schema<Key> | undefined) {
    this.#operator = context.open.operatorName;
    const declared = keys && keyFamilyOfSchema(keys.description);
    const families = declared === undefined ? FAMILIES : [declared];
    this.#states = new Map(
      families.map((family) => {
        const descriptor = state.broadcast(`right:${family}`, keys ?? SCHEMAS[family], records);
        return [family, context.operatorState.broadcast(descriptor) as Records];
      }),
    );
  }

  get(key: Key): unknown {
    return this.#of(key).get(key);
  }

  set(key: Key, record: unknown): void {
    this.#of(key).set(key, record);
  }

  delete(key: Key): void {
    this.#of(key).delete(key);
  }

  #of(key: Key): Records {
    return typeof key === this.#type ? this.#records : this.#look(key);
  }

  #look(key: Key): Records {
    const family = keyFamily(key);
    if (this.#family === undefined) this.#pin(family);
    if (family !== this.#family) this.#refuse(family, this.#family!);
    return this.#records;
  }

  #pin(family: KeyFamily): void {
    for (const [other, { size }] of this.#states) {
      if (other !== family && size > 0) this.#refuse(family, other);
    }
    const records = this.#states.get(family);
    if (records === undefined) this.#refuse(family, [...this.#states.keys()][0]!);
    this.#records = records;
    this.#family = family;
    // A tuple is told from an object by every look at it.
    if (family !== 'tuple') this.#type = family;
  }

  #refuse(family: KeyFamily, pinned: KeyFamily): never {
    const key = `a ${family}`;
    throw new EngineError('STATE_KEY_FAMILY', { operator: this.#operator, key, family, pinned });
  }
}
