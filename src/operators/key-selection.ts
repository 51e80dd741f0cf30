/** Takes the key of a record with the user's function, and makes it current in the keyed state. */
import type { KeySelector } from '../graph/operator-spec.ts';
import type { KeyedStateBackend } from '../state/keyed-state-backend.ts';
import type { Key } from '../types/schema.ts';
import type { OperatorContext } from './operator.ts';
import { userCodeFailure } from './user-code.ts';

export class KeySelection {
  readonly #select: (value: unknown) => Key;
  readonly #operator: string;
  readonly #backend: KeyedStateBackend;

  constructor(selector: KeySelector, context: OperatorContext) {
    this.#select = selector.select;
    this.#operator = context.open.operatorName;
    this.#backend = context.keyedState;
  }

  /** @returns the key, which is current until the next call. */
  enter(value: unknown, keyGroup: number): Key {
    let key: Key;
    try {
      key = this.#select(value);
    } catch (thrown) {
      throw userCodeFailure('keyBy', this.#operator, thrown);
    }
    this.#backend.setCurrentKey(key, keyGroup);
    return key;
  }
}
