/**
 * Records by key in broadcast state, the last one of each key. The schema of the keys, where none
 * is declared, is that of the family of the first key.
 *
 * Invariants
 * T1. All keys are of one family, so that keys which look alike are not taken for different ones.
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

const SCHEMAS: Readonly<Record<KeyFamily, Schema<any>>> = {
  string: t.string,
  number: t.float64,
  boolean: t.boolean,
  bigint: dynamic,
  tuple: dynamic,
};

export class BroadcastTable {
  readonly #context: OperatorContext;
  readonly #records: Schema<unknown>;
  readonly #keys: Schema<Key> | undefined;
  #state: BroadcastState<Key, unknown> | undefined = undefined;
  /** T1 */
  #family: KeyFamily | undefined;
  /** The family once more, as what `typeof` says of its keys. */
  #type: string = '';

  constructor(context: OperatorContext, records: Schema<unknown>, keys: Schema<Key> | undefined) {
    this.#context = context;
    this.#records = records;
    this.#keys = keys;
    this.#family = keys && keyFamilyOfSchema(keys.description);
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

  #of(key: Key): BroadcastState<Key, unknown> {
    return typeof key === this.#type ? this.#state! : this.#open(key);
  }

  #open(key: Key): BroadcastState<Key, unknown> {
    const family = keyFamily(key);
    this.#family ??= family;
    if (family !== this.#family) {
      throw new EngineError('STATE_KEY_FAMILY', {
        operator: this.#context.open.operatorName,
        key: `a ${family}`,
        family,
        pinned: this.#family,
      });
    }
    const keys: Schema<Key> = this.#keys ?? SCHEMAS[family];
    this.#state ??= this.#context.operatorState.broadcast(
      state.broadcast('right', keys, this.#records),
    );
    // A tuple is told from an object by every look at it.
    if (family !== 'tuple') this.#type = family;
    return this.#state;
  }
}
