/**
 * Whether state that was kept under keys of a record can go on under the keys that the program
 * takes now: by what its key selectors give, as far as their text tells, and by the type of what
 * they gave. Another field of the same type would have every key looked for under the name of
 * another.
 */
import type { ChainedOperator, JobGraph } from '../graph/job-graph.ts';
import { isOtherKey, isPerhapsOtherKey, keyPlaceText } from '../graph/key-selection.ts';
import type { KeySelection } from '../graph/key-selection.ts';
import type { StateRefusal } from '../state/state-evolution.ts';
import type { CheckpointMetadata, OperatorMetadata } from '../storage/checkpoint-metadata.ts';

/** Undefined: as far as it depends on this, the keys are the same. */
export function keySelectionRefusal(
  { keyedBy: stored }: OperatorMetadata,
  { keyedBy: declared }: Pick<ChainedOperator, 'keyedBy'>,
): StateRefusal | undefined {
  if (stored === undefined || declared === undefined) return undefined;
  for (const [input, now] of declared.entries()) {
    const was = stored[input];
    if (was === undefined || !isOtherKey(was, now)) continue;
    return {
      field: declared.length === 1 ? 'the key' : `the key of input ${input + 1}`,
      reason: keyChange(was, now),
      fix: `${KEEP_KEY} ${aliasFix(was)}`,
    };
  }
  return undefined;
}

/** E.g. `it was user of the record, and is item`. */
export function keyChange(was: string, now: KeySelection): string {
  const isField = was.startsWith('.') && was !== '.';
  return `it was ${keyPlaceText(was)}${isField ? ' of the record' : ''}, and is ${keyPlaceText(now.by)}`;
}

const KEEP_KEY =
  'Take the same key, or give the operator another uid: then it begins with empty state, and what ' +
  'was stored is left behind with --allowNonRestoredState.';

function aliasFix(was: string): string {
  const name = keyPlaceText(was);
  return was.startsWith('.') && was !== '.'
    ? `If it is the same under another name, say so: t.field(..., { alias: '${name}' }) for the ` +
        'field of the record, or as the schema of keyBy.'
    : 'If it is the same under other names, say so by t.field(..., { alias: ... }) in the record.';
}

/** Operators with keyed state whose key selectors are others, and nobody can tell how. */
export function perhapsOtherKeys(
  { vertices }: JobGraph,
  { operators }: CheckpointMetadata,
): readonly string[] {
  const former = new Map(operators.map((each) => [each.operator, each]));
  return vertices.flatMap((vertex) =>
    vertex.operators.flatMap(({ id, name, keyedBy = [] }) => {
      const stored = former.get(id);
      const isKept = stored?.subtasks.some((snapshot) => snapshot?.keyed !== undefined) === true;
      const isOther = keyedBy.some((now, input) => {
        const was = stored?.keyedBy?.[input];
        return was !== undefined && isPerhapsOtherKey(was, now);
      });
      return isKept && isOther ? [`"${name}"`] : [];
    }),
  );
}
