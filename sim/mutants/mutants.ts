/**
 * Bugs to be planted into the product's own source, to prove that the simulator finds such ones.
 * Each is an edit of one file, which must hold the text exactly once: a mutant that fits no more
 * fails loudly. `plant.ts` makes the edit while modules are loaded; nothing of it is in `src/`.
 */
import type { WorkloadName } from '../workloads/workloads.ts';

export interface Mutant {
  readonly name: string;
  /** What is wrong with the code while it is planted. */
  readonly what: string;
  /** Whether the jobs that are to find it take checkpoints. */
  readonly checkpoints: boolean;
  /** The job that is to find it; undefined: that of each seed. */
  readonly workload?: WorkloadName | undefined;
  /** SeedOptions.smallExchange */
  readonly smallExchange?: boolean | undefined;
  /** From which seed on it is looked for; 1 by default. */
  readonly firstSeed?: number | undefined;
  /** For what no seed finds: why not, and the test that fails while it is planted. */
  readonly unseen?: { readonly why: string; readonly test: string } | undefined;
  /** From the root of the repository. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'dropped-control-frame',
    what: 'now and then a control element is lost between two slots',
    checkpoints: false,
    file: 'src/network/remote-output-channel.ts',
    from: 'this.#sender.sendControl(kind, this.#channel, bytes);',
    to: 'if (this.#channel % 5 !== 3) this.#sender.sendControl(kind, this.#channel, bytes);',
  },
  {
    name: 'double-assignment',
    what: 'a split is given to two readers',
    checkpoints: false,
    file: 'src/connectors/generator/index-ranges.ts',
    from: 'this.#unassigned = this.#unassigned.slice(1);',
    to: 'this.#unassigned = this.#unassigned.slice(first[0]?.id.endsWith("-2") && Math.sign(this.#unassigned.push({ ...first[0], id: "again" })) ? 1 : 1);',
  },
  {
    name: 'missing-fsync',
    what: 'a file is committed whose content is not durable',
    checkpoints: false,
    file: 'src/storage/local-recoverable-writer.ts',
    from: 'await this.#file.sync();',
    to: '',
  },
  {
    name: 'stale-fencing-token',
    what: 'an endpoint obeys a caller of an earlier leader session',
    checkpoints: false,
    file: 'src/rpc/rpc-endpoint.ts',
    from: 'if (unfenced || this.#fence(call.caller.token, call.method)) return true;',
    to: 'if (unfenced || this.#fence(call.caller.token, call.method) || call.caller.token !== "") return true;',
  },
  {
    name: 'forgotten-job',
    firstSeed: 45,
    what: 'a job is acknowledged whose place in the store is not durable',
    checkpoints: false,
    file: 'src/ha/atomic-file.ts',
    from: 'await disk.syncDirectory(folder);',
    to: '',
  },
  {
    name: 'commit-before-complete',
    workload: 'windowed-totals',
    what: 'a sink commits when its checkpoint is acknowledged, before it is durable',
    checkpoints: true,
    file: 'src/checkpoint/coordinator-machine.ts',
    from: "  if (isLast) draft.effects.push({ kind: 'complete', pending: changed });",
    to: `  if (isLast) {
    draft.effects.push({ kind: 'notify', notice: { checkpointId, outcome: 'complete', latestComplete: draft.state.latestComplete } });
    draft.effects.push({ kind: 'complete', pending: changed });
  }`,
  },
  {
    name: 'state-of-another-checkpoint',
    what: 'tasks get the state of an older checkpoint than the one that the job goes on from',
    checkpoints: true,
    file: 'src/jobmaster/job-checkpoints.ts',
    from: `    const { latest } = this.#completed;
    if (latest === undefined) return undefined;
    if (this.#assignment`,
    to: `    const latest = this.#completed.kept[0];
    if (latest === undefined) return undefined;
    if (this.#assignment`,
  },
  {
    name: 'in-flight-input-dropped',
    workload: 'kept-states',
    what: 'records that an unaligned barrier has overtaken on the way in are not restored',
    checkpoints: true,
    file: 'src/taskexecutor/slot/checkpoint/restore-states.ts',
    from: 'if (batch.size > 0) elements.push({ input, place, element: batch });',
    to: '',
  },
  {
    name: 'pointer-before-metadata',
    what: 'the pointer to a checkpoint is written before its metadata',
    checkpoints: true,
    file: 'src/jobmaster/checkpoint-place.ts',
    from: `    const written = isInMemory
      ? undefined`,
    to: `    if (!isInMemory && (savepoint === undefined || savepoint.stop !== undefined)) {
      const early: CompletedCheckpoint = { metadata, location: pending.location, metadataBytes: 0, isOurs: savepoint === undefined };
      await this.#point(keptWith(early).flatMap(pointerOf), this.#reservedId);
    }
    const written = isInMemory
      ? undefined`,
  },
  {
    name: 'pointer-not-written',
    what: 'a checkpoint is complete to which no pointer leads',
    checkpoints: true,
    file: 'src/jobmaster/checkpoint-place.ts',
    from: 'await this.#point(keptWith(completed).flatMap(pointerOf), this.#reservedId);',
    to: 'keptWith(completed);',
  },
  {
    name: 'shared-file-deleted',
    what: 'a file goes with the first checkpoint that is subsumed, while later ones refer to it',
    checkpoints: true,
    file: 'src/checkpoint/shared-files.ts',
    from: 'if (!users.delete(checkpointId) || users.size > 0) continue;',
    to: 'if (!users.delete(checkpointId)) continue;',
  },
  {
    name: 'lost-committables',
    workload: 'windowed-totals',
    what: 'what a checkpoint holds to be committed is forgotten when the job goes on from it',
    checkpoints: true,
    file: 'src/operators/sink-operator.ts',
    from: '    commits.restore(restored.committables, restored.committable);\n',
    to: '    void restored.committables;\n',
  },
  {
    name: 'doubled-lists',
    workload: 'kept-states',
    what: 'at another parallelism every subtask gets the whole list of an operator',
    checkpoints: true,
    file: 'src/state/operator-state.ts',
    from: 'return all.slice(from, to);',
    to: 'return from < to ? all.slice() : all.slice(from, to);',
  },
  {
    name: 'lost-list-end',
    workload: 'kept-states',
    what: 'at another parallelism the last element of a list goes to nobody',
    checkpoints: true,
    file: 'src/state/operator-state.ts',
    from: 'const to = Math.floor(((subtask + 1) * all.length) / parallelism);',
    to: 'const to = Math.floor(((subtask + 1) * all.length) / parallelism) - (subtask === parallelism - 1 ? 1 : 0);',
  },
  {
    name: 'claimed-by-nobody',
    what: 'a checkpoint of another job is removed that this one has not claimed',
    checkpoints: true,
    file: 'src/jobmaster/checkpoint-place.ts',
    from: "isOurs: claimMode === 'CLAIM' };",
    to: 'isOurs: true, ...{ claimMode } };',
  },
  {
    name: 'leftover-output',
    what: 'unfinished files of a sink stay when its task is cancelled',
    checkpoints: true,
    file: 'src/connectors/files/output-folder.ts',
    from: 'await fileSystem.removeIncomplete(folder, { of, recursive: hasBuckets });',
    to: 'void [of, fileSystem, folder, hasBuckets];',
  },
  {
    name: 'early-source-offset',
    workload: 'kept-states',
    what: 'a start in the newest complete checkpoint repeats what its sources had read',
    checkpoints: true,
    file: 'src/jobmaster/job-checkpoints.ts',
    from: 'return { checkpointId: assignment.checkpointId, sources: assignment.sources() };',
    to: 'return undefined as RestoredSources | undefined;',
  },
  {
    name: 'in-flight-output-dropped',
    workload: 'kept-states',
    smallExchange: true,
    firstSeed: 150,
    what: 'records that an unaligned barrier has overtaken on the way out are not restored',
    checkpoints: true,
    file: 'src/taskexecutor/slot/checkpoint/restore-states.ts',
    from: 'for (const element of data.elements) edge.writer.restored(element, to);',
    to: 'void [data, to];',
  },
  {
    name: 'aborted-files-stay',
    what: 'files of a checkpoint that was given up are not removed',
    checkpoints: true,
    file: 'src/jobmaster/checkpoint-place.ts',
    from: `    await this.#discardLocation(pending.location);
    await this.#discard(unused(handles));`,
    to: '    unused(handles);',
  },
  {
    name: 'reused-checkpoint-id',
    what: 'a later master uses ids of checkpoints again',
    checkpoints: true,
    file: 'src/jobmaster/checkpoint-place.ts',
    from: 'if (this.#isLater) return this.#reservedId + 1;',
    to: 'if (this.#isLater) return 1;',
  },
  {
    name: 'forgotten-savepoint',
    what: 'a later master does not know which savepoints an earlier one had begun',
    checkpoints: true,
    file: 'src/jobmaster/checkpoint-place.ts',
    from: 'for (const location of begun) this.#begun.add(location);',
    to: 'void begun;',
  },
  {
    name: 'lost-notification',
    what: 'sinks are not told that a checkpoint is complete',
    checkpoints: true,
    file: 'src/operators/sink-operator.ts',
    from: "if (outcome === 'complete') await this.checkpointComplete(checkpointId);",
    to: 'void [outcome, checkpointId];',
    unseen: {
      why: 'what was prepared is committed at the end of a job at the latest; faults delay it, too',
      test: 'src/deploy/mini-cluster-checkpoints.test.ts',
    },
  },
  {
    name: 'unconfirmed-base',
    what: 'an increment is based on a snapshot whose checkpoint may still fail',
    checkpoints: true,
    file: 'src/taskexecutor/slot/checkpoint/keyed-increments.ts',
    from: 'const known = this.#known.find(({ checkpointId }) => checkpointId === this.#complete);',
    to: 'const known = this.#known.findLast(({ parts }) => parts !== undefined);',
    unseen: {
      why: 'of two checkpoints at once the first would have to fail and the second to be restored',
      test: 'test/slot-checkpoints.test.ts',
    },
  },
  {
    name: 'doubled-in-flight',
    what: 'at another parallelism records in flight go to every subtask',
    checkpoints: true,
    file: 'src/taskexecutor/slot/checkpoint/restore-states.ts',
    from: 'const batch = isMoved ? ofKeyGroups(element, range) : element;',
    to: 'const batch = isMoved && range.last < 0 ? ofKeyGroups(element, range) : element;',
    unseen: {
      why: 'the last checkpoint before a job is cancelled and rescaled seldom has any in flight',
      test: 'src/taskexecutor/slot/checkpoint/in-flight-keys.test.ts',
    },
  },
  {
    name: 'lost-committables-at-rescale',
    what: 'at another parallelism output to commit goes to as many subtasks as there are now only',
    checkpoints: true,
    file: 'src/checkpoint/state-assignment.ts',
    from: 'takes.committables && of % parallelism === subtask ? committables : [],',
    to: 'takes.committables && of === subtask ? committables : [],',
    unseen: {
      why: 'a job would have to be cancelled between a checkpoint and its commit',
      test: 'src/checkpoint/state-assignment.test.ts',
    },
  },
  {
    name: 'late-acknowledgement',
    what: 'a task of an earlier attempt acknowledges for its successor',
    checkpoints: true,
    file: 'src/jobmaster/job-checkpoints.ts',
    from: '    if (run.isAtWork(index, attempt)) {',
    to: '    if (attempt >= 0 || run.isAtWork(index, attempt)) {',
    unseen: {
      why: 'a checkpoint is given up with the attempt, before its successor takes part in another',
      test: 'test/acknowledgements.test.ts',
    },
  },
  {
    name: 'staying-probe',
    what: 'what a killed master has tried the folder of a job with stays in it',
    checkpoints: true,
    file: 'src/storage/checkpoint-storage.ts',
    from: '    await this.#removeProbes();\n',
    to: '',
    unseen: {
      why: 'a master would have to die within a few operations of a job that is cancelled later',
      test: 'test/checkpoint-storage.test.ts',
    },
  },
];
