/**
 * `npm run bench -- nexmark [--events N] [--queries all|q0,q5] [--vs flink|none] [--runs N]
 * [--json]`: the queries of Nexmark and some more, beside Apache Flink. Ends with 1 if an output
 * differs. A run of all of them against Flink is written down in bench/results.
 */
import { beside, type BesideResult } from './beside.ts';
import { resultLine, textLine } from './lines.ts';

/** As they were given. */
export interface NexmarkArguments {
  readonly events?: string | undefined;
  readonly queries?: string | undefined;
  readonly vs?: string | undefined;
  readonly runs?: string | undefined;
  readonly json?: boolean | undefined;
}

const EVENTS = '5000000';
const RUNS = '3';

/** @returns whether all outputs are equal */
export async function nexmarkSuite(given: NexmarkArguments): Promise<boolean> {
  const vs = given.vs ?? 'flink';
  if (vs !== 'flink' && vs !== 'none') throw new Error(`--vs takes flink or none, not ${vs}`);
  const options = {
    events: wholeNumber('--events', given.events ?? EVENTS),
    queries: (given.queries ?? 'all').split(','),
    vs,
    runs: wholeNumber('--runs', given.runs ?? RUNS),
  } as const;
  const results: BesideResult[] = [];
  const found = (result: BesideResult): void => {
    results.push(result);
    console.log(given.json === true ? JSON.stringify(resultLine(result)) : textLine(result));
  };
  await beside(options, found, (line) => console.error(line));
  return results.every(({ equal }) => equal !== false);
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) {
    throw new Error(`${option} takes a whole number from 1, not ${text}`);
  }
  return number;
}
