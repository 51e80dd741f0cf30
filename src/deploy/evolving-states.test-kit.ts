// A job with every kind of state, each in a branch of its own, whose schema is that of a change of
// the program. The first version takes its records in and stays; a later one gets one more record,
// and says what each branch had kept of the first ones.
import { appendFileSync } from 'node:fs';
import type { DataStream } from '../api/data-stream.ts';
import { defineJob } from '../api/define-job.ts';
import { param } from '../api/parameters.ts';
import { t } from '../types/index.ts';
import { KEYED_KINDS } from './evolving-keyed-kinds.test-kit.ts';
import { OTHER_KINDS } from './evolving-other-kinds.test-kit.ts';
import { numbersOf } from './evolving-source.test-kit.ts';
import { WINDOW_KINDS } from './evolving-window-kinds.test-kit.ts';
import { CHANGES, schemaOfChange } from './evolving-values.test-kit.ts';
import type { Change, Kind } from './evolving-values.test-kit.ts';

export const KINDS: Readonly<Record<string, Kind>> = {
  ...KEYED_KINDS,
  ...WINDOW_KINDS,
  ...OTHER_KINDS,
};

export const evolvingStates = defineJob({
  name: 'evolving states',
  params: {
    /** Separated by commas; all of them. */
    kinds: param(t.string, Object.keys(KINDS).join(',')),
    change: param(t.string, 'same'),
    isLater: param(t.boolean, false),
    /** To which is written what is to be told, and that all records are read. */
    told: param(t.string, ''),
  },
  build(env, { kinds, change, isLater, told }) {
    let numbers: DataStream<number> | undefined;
    const shared = (): DataStream<number> => {
      const read = (): void => (isLater ? undefined : sayTo(told, 'numbers', 'read'));
      return (numbers ??= numbersOf(env, isLater, read).uid('numbers'));
    };
    for (const name of kinds.split(',')) {
      const kind = KINDS[name]!;
      // What takes no migrations stays as it is while the others have one.
      const own = change === 'migration' && kind.migrates === false ? 'same' : (change as Change);
      const schema = schemaOfChange(own);
      const { migrations } = CHANGES[own];
      const say = (text: string): void => sayTo(told, name, text);
      kind.build({
        ...{ env, name, change: own, isLater, schema, migrations, say },
        get numbers() {
          return shared();
        },
      });
    }
  },
});

function sayTo(told: string, name: string, text: string): void {
  if (told !== '') appendFileSync(told, `${name}|${text}\n`);
}
