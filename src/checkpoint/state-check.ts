/**
 * Holds what a program declares to keep against what a checkpoint says of itself, before anything
 * of the job runs: what cannot go on is refused with the names of operator, state and field. Only
 * the ends of snapshots are read, where they say what they hold. States that a program makes up
 * while it runs are not known here; they are looked at when they are restored.
 */
import { toEngineError } from '../base/errors.ts';
import type { EngineError } from '../base/errors.ts';
import type { ChainedOperator, JobGraph, OperatorStates } from '../graph/job-graph.ts';
import type { OperatorSnapshot } from '../protocol/checkpoint.ts';
import { SnapshotFileReader } from '../state/snapshot-file-reader.ts';
import { haveOneName } from '../state/state-description.ts';
import type { StateDescription } from '../state/state-description.ts';
import {
  keysNotEvolvable,
  keyRefusal,
  notEvolvable,
  resolveEvolution,
} from '../state/state-evolution.ts';
import type { DeclaredState } from '../state/state-evolution.ts';
import type { CheckpointMetadata, OperatorMetadata } from '../storage/checkpoint-metadata.ts';
import type { FileSystems } from '../storage/file-systems.ts';
import { keySelectionRefusal } from './key-selection-check.ts';
import { endOf } from './snapshot-end.ts';
import { windowFormRefusal } from './window-form.ts';

/** Files that are read at a time. */
const AT_ONCE = 16;

/** What one subtask has kept of an operator that is still there. */
interface Kept {
  readonly operator: ChainedOperator;
  readonly states: OperatorStates;
  readonly former: OperatorMetadata;
  readonly snapshot: OperatorSnapshot;
}

/** @throws EngineError STATE_NOT_EVOLVABLE, STATE_SNAPSHOT_*, CHECKPOINT_FILE_INVALID, IO_* */
export async function requireEvolvable(
  graph: JobGraph,
  metadata: CheckpointMetadata,
  fileSystems: FileSystems,
): Promise<void> {
  const kept = keptOf(graph, metadata);
  const failures: (EngineError | undefined)[] = [];
  let next = 0;
  const check = async (): Promise<void> => {
    while (next < kept.length && failures.length === 0) {
      const at = next++;
      try {
        await requireKept(kept[at]!, fileSystems);
      } catch (error) {
        failures[at] = toEngineError(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, kept.length) }, check));
  // That of the first operator, in whatever order files were read.
  const first = failures.find((failure) => failure !== undefined);
  if (first !== undefined) throw first;
}

/** In the order of the graph, and by subtask. */
function keptOf({ vertices }: JobGraph, { operators: stored }: CheckpointMetadata): Kept[] {
  const former = new Map(stored.map((each) => [each.operator, each]));
  return vertices.flatMap(({ operators }) =>
    operators.flatMap((operator) => {
      const { id, states } = operator;
      const stored = former.get(id);
      if (states === undefined || stored === undefined) return [];
      return stored.subtasks.flatMap((snapshot) =>
        snapshot === undefined ? [] : [{ operator, states, former: stored, snapshot }],
      );
    }),
  );
}

async function requireKept(
  { operator: { name: operator, ...declared }, states, former, snapshot }: Kept,
  fileSystems: FileSystems,
): Promise<void> {
  const { keyed, operatorState } = snapshot;
  const { declaredAt } = states;
  const within = (error: EngineError): EngineError => error.within({ operator, declaredAt });
  if (keyed !== undefined) {
    // The newest says what all of them have become.
    const { manifest } = await endOf(fileSystems, keyed.parts.at(-1)!, (input) =>
      SnapshotFileReader.openKeyed(input),
    );
    const { states: stored, keySchema, keyFamily } = manifest;
    const refusal =
      keyRefusal(
        { schema: keySchema, family: keyFamily },
        { schema: states.key, family: declared.keyedBy?.[0]?.family },
      ) ?? keySelectionRefusal(former, declared);
    if (refusal !== undefined) throw within(keysNotEvolvable(operator, stored, refusal));
    if (declared.kind === 'window') requireForm(operator, stored, states.keyed, within);
    requireStates(operator, stored, states.keyed, within);
  }
  if (operatorState !== undefined) {
    const { manifest } = await endOf(fileSystems, operatorState, (input) =>
      SnapshotFileReader.openOperator(input),
    );
    requireStates(operator, manifest.states, states.operator, within);
  }
}

function requireForm(
  operator: string,
  stored: readonly StateDescription[],
  declared: readonly DeclaredState[],
  within: (error: EngineError) => EngineError,
): void {
  const refusal = windowFormRefusal(
    stored.map(({ name }) => name),
    declared.map(({ description }) => description.name),
  );
  if (refusal !== undefined) throw within(notEvolvable({ operator, state: 'windows' }, refusal));
}

function requireStates(
  operator: string,
  stored: readonly StateDescription[],
  declared: readonly DeclaredState[],
  within: (error: EngineError) => EngineError,
): void {
  for (const state of stored) {
    const now = declared.find(({ description }) => haveOneName(description, state));
    if (now === undefined) continue;
    const evolution = resolveEvolution(state, now);
    if (evolution.kind !== 'refused') continue;
    throw within(notEvolvable({ operator, state: state.name }, evolution));
  }
}
