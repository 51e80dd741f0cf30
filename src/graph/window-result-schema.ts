/** The schema of what windows without a function give, where all its parts are known. */
import type { Schema } from '../types/schema.ts';
import { t } from '../types/t.ts';
import type { WindowSpec } from './operator-spec.ts';

type Known = Pick<WindowSpec, 'key' | 'keyed' | 'assigner' | 'contents'>;

/** `record` is the schema of the records in the window. */
export function windowResultSchema(
  { key, keyed, assigner, contents }: Known,
  record: Schema<unknown> | undefined,
): Schema<unknown> | undefined {
  const value = contents.kind === 'aggregate' ? contents.aggregate.emits : record;
  if (value === undefined || (keyed && key.schema === undefined)) return undefined;
  const isBounded = assigner.kind !== 'global' && assigner.kind !== 'custom';
  const bound = isBounded ? t.timestamp : t.float64;
  const window = t.struct({ start: bound, end: bound });
  return keyed ? t.struct({ key: key.schema!, window, value }) : t.struct({ window, value });
}
