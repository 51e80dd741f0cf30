/**
 * Bugs to be planted into the product's own source, to prove that the simulator finds such ones.
 * Each is an edit of one file, which must hold the text exactly once: a mutant that fits no more
 * fails loudly. `plant.ts` makes the edit while modules are loaded; nothing of it is in `src/`.
 */
export interface Mutant {
  readonly name: string;
  /** What is wrong with the code while it is planted. */
  readonly what: string;
  /** Whether the jobs that are to find it take checkpoints. */
  readonly checkpoints: boolean;
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
    what: 'a job is acknowledged whose place in the store is not durable',
    checkpoints: false,
    file: 'src/ha/atomic-file.ts',
    from: 'await disk.syncDirectory(folder);',
    to: '',
  },
];
