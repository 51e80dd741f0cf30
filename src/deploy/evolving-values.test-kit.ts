// What a later version of a program may change in a struct that is kept, and what becomes of it.
import type { DataStream } from '../api/data-stream.ts';
import type { StreamEnvironment } from '../api/stream-environment.ts';
import { state } from '../functions/state.ts';
import type { StateMigration } from '../functions/state.ts';
import { t } from '../types/index.ts';
import type { Schema } from '../types/schema.ts';

/** The records of the first version, and the one that a later version gets. */
export const FIRST = [1, 2] as const;
export const LAST = 5;

const First = t.struct({ n: t.int32, note: t.string });

export type Change =
  | 'same'
  | 'added with a default'
  | 'removed'
  | 'widened'
  | 'renamed by alias'
  | 'migration'
  | 'added without a default'
  | 'narrowed'
  | 'renamed without alias'
  | 'type changed';

interface ChangeParts {
  readonly fields: Readonly<Record<string, Schema<any>>>;
  /** A value that this version makes. */
  readonly made: (n: number) => object;
  /** What a value of the first version has become; undefined: it is refused. */
  readonly kept: ((n: number) => object) | undefined;
  /** Where it is refused: the field, its reason, and what is to be done. */
  readonly refusal?: readonly [field: string, reason: RegExp, fix: RegExp];
  readonly migrations?: readonly StateMigration<any>[];
}

const { fields } = First;
const note = (n: number): string => `note ${n}`;
const made = (n: number): object => ({ n, note: note(n) });

export const CHANGES: Readonly<Record<Change, ChangeParts>> = {
  same: { fields, made, kept: made },
  'added with a default': {
    fields: { ...fields, extra: t.field(t.string, { default: 'D' }) },
    made: (n) => ({ n, note: note(n), extra: 'now' }),
    kept: (n) => ({ n, note: note(n), extra: 'D' }),
  },
  removed: { fields: { n: t.int32 }, made: (n) => ({ n }), kept: (n) => ({ n }) },
  widened: {
    fields: { n: t.int64, note: t.string },
    made: (n) => ({ n: BigInt(n), note: note(n) }),
    kept: (n) => ({ n: BigInt(n), note: note(n) }),
  },
  'renamed by alias': {
    fields: { n: t.int32, remark: t.field(t.string, { alias: 'note' }) },
    made: (n) => ({ n, remark: note(n) }),
    kept: (n) => ({ n, remark: note(n) }),
  },
  migration: {
    fields: { n: t.string, note: t.string },
    made: (n) => ({ n: String(n), note: note(n) }),
    kept: (n) => ({ n: `#${n}`, note: note(n) }),
    migrations: [state.migration(First, (old) => ({ ...old, n: `#${old.n}` }))],
  },
  'added without a default': {
    fields: { ...fields, extra: t.string },
    made: (n) => ({ n, note: note(n), extra: 'now' }),
    kept: undefined,
    refusal: ['extra', /what is stored does not have it/, /Give it a default/],
  },
  narrowed: {
    fields: { n: t.int16, note: t.string },
    made,
    kept: undefined,
    refusal: ['n', /it was int32, and is int16/, /Keep its type, take a wider number/],
  },
  'renamed without alias': {
    fields: { n: t.int32, remark: t.string },
    made: (n) => ({ n, remark: note(n) }),
    kept: undefined,
    refusal: ['remark', /what is stored does not have it/, /t\.field\(\.\.\., { alias: \.\.\. }\)/],
  },
  'type changed': {
    fields: { n: t.string, note: t.string },
    made: (n) => ({ n: String(n), note: note(n) }),
    kept: undefined,
    refusal: ['n', /it was int32, and is string/, /Keep its type, take a wider number/],
  },
};

export function schemaOfChange(change: Change): Schema<any> {
  return change === 'same' ? First : t.struct(CHANGES[change].fields);
}

/** What a kind of state is built with. */
export interface Branch {
  readonly env: StreamEnvironment;
  /** Of the operator whose state it is, and its uid. */
  readonly name: string;
  readonly change: Change;
  readonly isLater: boolean;
  readonly schema: Schema<any>;
  readonly migrations: readonly StateMigration<any>[] | undefined;
  /** With event time, which comes no further than to the beginning before the end. */
  readonly numbers: DataStream<number>;
  readonly say: (text: string) => void;
}

/** What becomes of a change, where it is otherwise than for values. */
export interface Outcome {
  readonly kept?: readonly unknown[];
  /** Text of the field and of the reason. */
  readonly refused?: RegExp;
}

export interface Kind {
  /** Its name, as errors have it. */
  readonly state: string;
  /** Where in what is stored the struct is. */
  readonly at: string;
  /** False: nobody can declare a migration of it. */
  readonly migrates?: false;
  /** What is told of the records of the first version, `kept`, and of the last one. */
  readonly told: (kept: (n: number) => object, last: object) => readonly unknown[];
  readonly build: (branch: Branch) => void;
  readonly otherwise?: Readonly<Partial<Record<Change, Outcome>>>;
  /** Of the error, where it is not that of states. */
  readonly code?: 'RESTORE_COMMITTABLES_CHANGED';
}

/** Of the version's own. */
export function itemOf({ change }: Pick<Branch, 'change'>, n: number): any {
  return CHANGES[change].made(n);
}

/** The records themselves. */
export function itemsOf(branch: Branch): DataStream<any> {
  return branch.numbers.map((n) => itemOf(branch, n)).returns(branch.schema);
}

export function isLast(item: { readonly n: unknown }): boolean {
  return String(item.n) === String(LAST);
}

/** With bigints. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'bigint' ? `${each}n` : each,
  );
}
