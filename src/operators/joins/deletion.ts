/** Whether a record of a versioned stream ends what came before it, as the user's function says. */
import { EngineError } from '../../base/errors.ts';
import type { IsDeletion } from '../../graph/join-spec.ts';
import { refusePromise, userCodeFailure } from '../user-code.ts';

const ROLE = 'isDeletion';

export class Deletion {
  readonly #is: IsDeletion | undefined;
  readonly #operator: string;

  constructor(is: IsDeletion | undefined, operator: string) {
    this.#is = is;
    this.#operator = operator;
  }

  is(record: unknown): boolean {
    if (this.#is === undefined) return false;
    let result: unknown;
    try {
      result = this.#is(record);
    } catch (thrown) {
      throw userCodeFailure(ROLE, this.#operator, thrown);
    }
    if (typeof result === 'boolean') return result;
    refusePromise(result, ROLE, this.#operator);
    const type = result === null ? 'null' : typeof result;
    throw new EngineError('USER_CODE_NOT_BOOLEAN', { role: ROLE, operator: this.#operator, type });
  }
}
