/** What the tasks of a slot share for their checkpoints: the storage, and turns in the loop. */
import type { CheckpointingOfSlot } from '../../../protocol/checkpoint.ts';
import { CheckpointStreams } from '../../../storage/checkpoint-streams.ts';
import type { FileSystems } from '../../../storage/file-systems.ts';
import type { SlotCheckpoints } from './checkpoint-wiring.ts';
import type { SnapshotStorage } from './snapshot-streams.ts';

export function slotCheckpoints(
  fileSystems: FileSystems,
  checkpointing: CheckpointingOfSlot,
  rest: Pick<SlotCheckpoints, 'background' | 'answer'>,
): SlotCheckpoints {
  const streams = new CheckpointStreams(fileSystems, checkpointing);
  const storage: SnapshotStorage = {
    open: (location, scope) => streams.open(location, scope),
    openFile: (uri) => fileSystems.of(uri).open(uri),
  };
  return { ...rest, storage, incremental: checkpointing.incremental };
}
