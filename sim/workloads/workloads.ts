/** The jobs of the simulator, and what each must write. */
import { expectedCopies } from './copied-records-oracle.ts';
import { expectedStates } from './kept-states-oracle.ts';
import { expectedRows, lacksRows } from './keyed-totals-oracle.ts';
import { expectedWindowRows } from './windowed-totals-oracle.ts';

export interface Workload {
  readonly url: string;
  readonly file: URL;
  readonly header: string;
  readonly records: number;
  readonly expected: (records: number, keys: number) => readonly string[];
  /**
   * What is missing where records may count twice and none may be lost; undefined where that cannot
   * be told.
   */
  readonly lacks?:
    | ((rows: readonly string[], expected: readonly string[]) => readonly string[])
    | undefined;
  /** It keeps state by key. */
  readonly isKeyed: boolean;
  /** Its records may carry bytes besides. */
  readonly isPadded?: boolean | undefined;
  /** It gives the same whether it is drained on the way or not. */
  readonly drains: boolean;
}

export type WorkloadName = 'keyed-totals' | 'windowed-totals' | 'kept-states' | 'copied-records';

const RECORDS = 10_000;
/** Each is read by two sources, and comes to several results. */
const WINDOWED_RECORDS = 3_000;
/** Each is kept, and written, three times. */
const KEPT_RECORDS = 2_000;

export const WORKLOADS: Readonly<Record<WorkloadName, Workload>> = {
  'keyed-totals': {
    url: 'job:keyed-totals',
    file: new URL('./keyed-totals.ts', import.meta.url),
    header: 'key,count,sum,largest',
    records: RECORDS,
    expected: expectedRows,
    lacks: lacksRows,
    isKeyed: true,
    drains: false,
  },
  'windowed-totals': {
    url: 'job:windowed-totals',
    file: new URL('./windowed-totals.ts', import.meta.url),
    header: 'what,key,at,value',
    records: WINDOWED_RECORDS,
    expected: expectedWindowRows,
    isKeyed: true,
    drains: false,
  },
  'kept-states': {
    url: 'job:kept-states',
    file: new URL('./kept-states.ts', import.meta.url),
    header: 'what,at,value',
    records: KEPT_RECORDS,
    expected: expectedStates,
    isKeyed: true,
    isPadded: true,
    drains: false,
  },
  'copied-records': {
    url: 'job:copied-records',
    file: new URL('./copied-records.ts', import.meta.url),
    header: 'source,index,square',
    records: RECORDS,
    expected: expectedCopies,
    lacks: (rows, expected) => expected.filter((row) => !rows.includes(row)),
    isKeyed: false,
    drains: true,
  },
};

/** Of the seeds, one after the other. */
const TURNS: readonly WorkloadName[] = [
  'keyed-totals',
  'windowed-totals',
  'kept-states',
  'copied-records',
];

export function workloadOf(seed: number, name?: WorkloadName): Workload {
  return WORKLOADS[name ?? TURNS[seed % TURNS.length]!];
}
