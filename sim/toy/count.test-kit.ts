/** A module with state that a job imports: each instance of the job must have its own. */
const counter = { value: 0 };

export function count(): number {
  counter.value += 1;
  return counter.value;
}
