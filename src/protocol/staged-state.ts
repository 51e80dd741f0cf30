/**
 * State that travels by itself, ahead of the deployments that need it. A list of an operator goes
 * to all its subtasks, so in one message it would be there as often as there are subtasks in a
 * process; and a message has a limit. So what is large in sum is sent once, in pieces, and the
 * deployments have empty bytes in its place.
 *
 * Invariants
 * S1. `unstaged` of what `stage` gives is what was given, whatever it was.
 * S2. The same bytes are sent once, and no piece holds more than PIECE_BYTES but by one state.
 */
import { EngineError } from '../base/errors.ts';
import type { StateHandle } from './checkpoint.ts';
import type { TaskDeployment } from './task-deployment.ts';

/** Less is sent with the deployments. */
const STAGED_FROM = 1024 * 1024;
const PIECE_BYTES: number = 4 * 1024 * 1024;
const NOTHING = new Uint8Array(0);

export interface SlotTasks {
  readonly allocationId: string;
  readonly tasks: readonly TaskDeployment[];
}

export interface Staged {
  readonly slots: readonly SlotTasks[];
  /** Of every state in a message, in their order: which of those that were sent before. */
  readonly places: readonly number[];
  /** To be sent before, one after another. */
  readonly pieces: readonly (readonly Uint8Array[])[];
}

export function stage(slots: readonly SlotTasks[]): Staged {
  let total = 0;
  mapInline(slots, (bytes) => {
    total += bytes.length;
    return bytes;
  });
  if (total < STAGED_FROM) return { slots, places: [], pieces: [] };
  const numbers = new Map<Uint8Array, number>();
  const places: number[] = [];
  const light = mapInline(slots, (bytes) => {
    const number = numbers.get(bytes) ?? numbers.size;
    numbers.set(bytes, number);
    places.push(number);
    return NOTHING;
  });
  return { slots: light, places, pieces: piecesOf(numbers.keys()) };
}

function piecesOf(all: Iterable<Uint8Array>): readonly (readonly Uint8Array[])[] {
  const pieces: Uint8Array[][] = [];
  let room = 0;
  for (const bytes of all) {
    const last = pieces.at(-1);
    if (last === undefined || bytes.length > room) {
      pieces.push([bytes]);
      room = PIECE_BYTES - bytes.length;
    } else {
      last.push(bytes);
      room -= bytes.length;
    }
  }
  return pieces;
}

/** S1. @throws EngineError RPC_MALFORMED if it is not what was sent */
export function unstaged(
  slots: readonly SlotTasks[],
  places: readonly number[],
  sent: readonly Uint8Array[],
): readonly SlotTasks[] {
  if (places.length === 0) return slots;
  let at = 0;
  const whole = mapInline(slots, () => {
    const bytes = sent[places[at++]!];
    if (bytes === undefined) throw lost();
    return bytes;
  });
  if (at !== places.length) throw lost();
  return whole;
}

function lost(): EngineError {
  const reason = 'tasks were deployed without all of the state that belongs to them';
  return new EngineError('RPC_PROTOCOL', { reason });
}

/** The same with other bytes in every state that is in the message, in one order. */
function mapInline(
  slots: readonly SlotTasks[],
  change: (bytes: Uint8Array) => Uint8Array,
): readonly SlotTasks[] {
  const one = (handle: StateHandle): StateHandle =>
    handle.kind === 'inline' ? { kind: 'inline', bytes: change(handle.bytes) } : handle;
  const each = <T extends { readonly handle: StateHandle }>(all: readonly T[]): readonly T[] =>
    all.map((entry) => ({ ...entry, handle: one(entry.handle) }));
  const task = (deployment: TaskDeployment): TaskDeployment => {
    const { restore } = deployment;
    if (restore?.kind !== 'state') return deployment;
    const operators = restore.operators.map((operator) => ({
      ...operator,
      keyed: operator.keyed.map((keyed) => ({ ...keyed, parts: keyed.parts.map(one) })),
      operatorState: each(operator.operatorState),
    }));
    const inputs = each(restore.inputs);
    return {
      ...deployment,
      restore: { ...restore, operators, inputs, outputs: each(restore.outputs) },
    };
  };
  return slots.map(({ allocationId, tasks }) => ({ allocationId, tasks: tasks.map(task) }));
}
