/**
 * What a user's function gets for a list in `operatorState`: a handle that is valid in calls only.
 */
import type { ListState, OperatorStateSpec } from '../functions/state.ts';
import type { OperatorStateBackend, SplitState } from '../state/operator-state.ts';

type Handles = Readonly<Record<string, ListState<unknown>>>;

/** The handles of a spec; `check` throws outside of a call, and is told which state it was. */
export function operatorListHandles(
  backend: OperatorStateBackend,
  spec: OperatorStateSpec,
  check: (what: string) => void,
): Handles {
  const handles = Object.create(null) as Record<string, ListState<unknown>>;
  for (const [name, { kind, element, migrations }] of Object.entries(spec)) {
    // Never the name of a list that the operator keeps for itself.
    const full = `operatorState.${name}`;
    const list =
      kind === 'split'
        ? backend.split(full, element, migrations)
        : backend.union(full, element, migrations);
    handles[name] = new OperatorListHandle(list, () => check(full));
  }
  return Object.freeze(handles);
}

class OperatorListHandle implements ListState<unknown> {
  readonly #list: SplitState<unknown>;
  readonly #check: () => void;

  constructor(list: SplitState<unknown>, check: () => void) {
    this.#list = list;
    this.#check = check;
  }

  add(value: unknown): void {
    this.#check();
    this.#list.add(value);
  }

  addAll(values: Iterable<unknown>): void {
    this.#check();
    this.#list.addAll(values);
  }

  update(values: Iterable<unknown>): void {
    this.#check();
    this.#list.update(values);
  }

  values(): Iterable<unknown> {
    this.#check();
    return this.#list.view();
  }

  get isEmpty(): boolean {
    this.#check();
    return this.#list.isEmpty;
  }

  clear(): void {
    this.#check();
    this.#list.clear();
  }
}
