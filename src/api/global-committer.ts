/**
 * The stage of a sink that commits for all its subtasks: its records are what the writers have
 * prepared before a barrier, so that what belongs to a checkpoint comes to it before the barrier
 * does, and is kept, committed and repeated as that of any sink.
 */
import { EngineError } from '../base/errors.ts';
import type { AnySink, Sink } from '../functions/sink.ts';
import type { Schema } from '../types/schema.ts';
import { t } from '../types/t.ts';

export interface WriterStage {
  readonly committable: Schema<unknown>;
  readonly committer: Sink<unknown, readonly unknown[]>;
}

/** Undefined for a sink whose subtasks commit for themselves. */
export function writerStageOf(sink: AnySink): WriterStage | undefined {
  const { committable, migrations } = sink;
  if (sink.createGlobalCommitter === undefined) return undefined;
  if (committable === undefined || sink.createCommitter !== undefined) {
    const reason =
      `the sink ${sink.name} has a global committer: it needs the schema of its committables, ` +
      'and no committer besides';
    throw new EngineError('API_INVALID_ARGUMENT', { call: 'sinkTo', reason });
  }
  return {
    committable: committable as Schema<unknown>,
    committer: {
      kind: 'sink',
      name: `${sink.name}: Global Committer`,
      accepts: committable as Schema<unknown>,
      committable: t.array(committable as Schema<unknown>),
      // Those of the writers, of which each of its own is a list.
      migrations: {
        committable: migrations?.committable?.map(({ from, migrate }) => ({
          from: t.array(from),
          migrate: (group: readonly never[]) => group.map(migrate),
        })),
      },
      createWriter: () => {
        let prepared: unknown[] = [];
        return {
          write: (each) => void prepared.push(each),
          flush: () => undefined,
          prepareCommit: () => {
            const group = prepared;
            prepared = [];
            return group.length === 0 ? [] : [group];
          },
          close: () => undefined,
        };
      },
      createCommitter: (context) => sink.createGlobalCommitter!(context),
    },
  };
}
