/** Metadata with everything in it, for tests. */
import { timestamp } from '../base/units.ts';
import { pattern } from '../env/contract/rig.test-kit.ts';
import type { StateHandle } from '../protocol/checkpoint.ts';
import { t } from '../types/index.ts';
import type { CheckpointMetadata } from './checkpoint-metadata.ts';

export const JOB_ID = '0123456789abcdef0123456789abcdef';

/** One keyed operator of two subtasks, and a source of one; `file` names a state. */
export function someMetadata(
  file: (name: string, shared: boolean) => StateHandle,
): CheckpointMetadata {
  return {
    jobId: JOB_ID,
    jobName: 'Totals – α',
    checkpointId: 7,
    triggeredAt: timestamp(1_700_000_000_000),
    purpose: 'checkpoint',
    format: undefined,
    fingerprint: 'f'.repeat(64),
    operators: [
      {
        operator: 'totals',
        uid: 'totals-uid',
        name: 'Totals',
        parallelism: 2,
        maxParallelism: 128,
        subtasks: [
          {
            operator: 'totals',
            keyed: {
              firstKeyGroup: 0,
              lastKeyGroup: 63,
              parts: [file('full', true), file('increment', true)],
            },
            operatorState: undefined,
            committables: [],
          },
          undefined,
        ],
        committable: undefined,
        enumerator: undefined,
        enumeratorSchema: undefined,
        keyedBy: ['.user'],
      },
      {
        operator: 'source',
        uid: undefined,
        name: 'Source',
        parallelism: 1,
        maxParallelism: 128,
        subtasks: [
          {
            operator: 'source',
            keyed: undefined,
            operatorState: { kind: 'inline', bytes: pattern(20) },
            committables: [{ checkpointId: 6, committables: [pattern(3), pattern(0)] }],
          },
        ],
        committable: t.struct({ path: t.field(t.string, { default: '' }) }).description,
        enumerator: pattern(9),
        enumeratorSchema: t.struct({ next: t.int32 }).description,
        keyedBy: undefined,
      },
    ],
    vertices: [
      {
        vertex: 'totals',
        name: 'Totals',
        parallelism: 2,
        maxParallelism: 128,
        subtasks: [
          {
            finished: false,
            inputs: [{ edge: 'source:0', producer: 0, consumer: 0, handle: file('in', false) }],
            outputs: [],
          },
          { finished: true, inputs: [], outputs: [] },
        ],
      },
    ],
    edges: [
      {
        ...{ edge: 'source:0', source: 'source', target: 'totals', targetInput: 0 },
        ...{ tag: undefined, partitioner: 'hash', partitionedBy: undefined, keyedBy: '.user' },
        schema: t.struct({ path: t.string }).description,
      },
    ],
    blob: pattern(4),
  };
}
