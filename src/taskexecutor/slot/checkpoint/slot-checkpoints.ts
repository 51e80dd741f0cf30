/**
 * What the tasks of a slot share for their checkpoints: the storage, the copies that stay on the
 * machine, and turns in the loop.
 */
import type { Env } from '../../../env/env.ts';
import type { StateHandle } from '../../../protocol/checkpoint.ts';
import type { SlotPreparation, TaskDeployment } from '../../../protocol/task-deployment.ts';
import { handlesIn } from '../../../storage/checkpoint-metadata.ts';
import { CheckpointStreams } from '../../../storage/checkpoint-streams.ts';
import type { FileSystems } from '../../../storage/file-systems.ts';
import { LocalCopies } from '../../../storage/local-copies.ts';
import { openHandle } from '../../../storage/stored-checkpoint.ts';
import type { SlotCheckpoints } from './checkpoint-wiring.ts';
import type { SnapshotStorage } from './snapshot-streams.ts';

type CheckpointsOfSlot = SlotCheckpoints & {
  /** Undefined: none are kept. */
  readonly copies: LocalCopies | undefined;
};

export function slotCheckpoints(
  env: Env,
  preparation: SlotPreparation,
  parts: Pick<SlotCheckpoints, 'background' | 'answer'> & { readonly fileSystems: FileSystems },
): CheckpointsOfSlot | undefined {
  const { checkpointing } = preparation;
  if (checkpointing === undefined) return undefined;
  const copies = copiesOf(env, preparation);
  const { fileSystems, ...rest } = parts;
  const copied = copies && copies.copied.bind(copies);
  const streams = new CheckpointStreams(fileSystems, { ...checkpointing, copied });
  const storage: SnapshotStorage = {
    open: (location, scope) => streams.open(location, scope),
    openFile: async (handle) =>
      (await copies?.open(handle)) ?? (await openHandle(fileSystems, handle)),
  };
  const answer: SlotCheckpoints['answer'] = (message) => {
    if (message.kind === 'acknowledge-checkpoint') {
      copies?.acknowledged(message.checkpointId, handlesOf(message.snapshot));
    }
    rest.answer(message);
  };
  return { ...rest, storage, incremental: checkpointing.incremental, answer, copies };
}

/** What the tasks of a slot go on from. */
export function beginCopies(copies: LocalCopies, deployments: readonly TaskDeployment[]): void {
  const handles: StateHandle[] = [];
  let checkpointId = 0;
  for (const { restore } of deployments) {
    if (restore?.kind !== 'state') continue;
    checkpointId = restore.checkpointId;
    const { operators, inputs, outputs } = restore;
    for (const { keyed, operatorState } of operators) {
      handles.push(...keyed.flatMap(({ parts }) => parts));
      handles.push(...operatorState.map(({ handle }) => handle));
    }
    handles.push(...[...inputs, ...outputs].map(({ handle }) => handle));
  }
  copies.begin(checkpointId, handles);
}

function copiesOf(
  { disk, log }: Env,
  { localState: folder, checkpointing, job, location }: SlotPreparation,
): LocalCopies | undefined {
  const { localBackup: write, fromLocal: read } = checkpointing!;
  if (folder === undefined || (!write && !read)) return undefined;
  const { jobId } = job;
  const { slot } = location;
  return new LocalCopies({ disk, log: log.with({ jobId, slot }), folder, read, write });
}

function* handlesOf({
  operators,
  inputs,
  outputs,
}: Extract<
  Parameters<SlotCheckpoints['answer']>[0],
  { kind: 'acknowledge-checkpoint' }
>['snapshot']): Generator<StateHandle> {
  for (const operator of operators) yield* handlesIn(operator);
  for (const { handle } of [...inputs, ...outputs]) yield handle;
}
