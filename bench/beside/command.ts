/**
 * `npm run bench -- nexmark [--events N] [--queries all|q0,q5] [--vs flink|none] [--runs N]
 * [--json] [--report]`: the queries of Nexmark and some more, beside Apache Flink. Ends with 1 if
 * an output differs. What all of them come to is written down in bench/results, and with --report
 * what some of them do.
 */
import { join } from 'node:path';
import { beside, FIGURES, type BesideResult } from './beside.ts';
import { CACHE } from './cache.ts';
import { measureFigures } from './measure-figures.ts';
import { flinkHome } from '../flink/flink-home.ts';
import { figureLine, resultLine, textLine } from './lines.ts';
import { keep } from './results.ts';

/** As they were given. */
export interface NexmarkArguments {
  readonly events?: string | undefined;
  readonly queries?: string | undefined;
  readonly vs?: string | undefined;
  readonly runs?: string | undefined;
  readonly json?: boolean | undefined;
  readonly report?: boolean | undefined;
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
  const isAll = options.queries.includes('all');
  const isKept = vs === 'flink' && (isAll || given.report === true);
  const java = vs === 'flink' ? (await flinkHome()).java : '';
  let isEqual = true;
  const found = async (result: BesideResult): Promise<void> => {
    isEqual &&= result.equal !== false;
    console.log(given.json === true ? JSON.stringify(resultLine(result)) : textLine(result));
    if (isKept) await keep({ queries: [result], figures: [] }, java);
  };
  await beside(options, found, (line) => console.error(line));
  if (vs === 'none' || !(isAll || options.queries.includes(FIGURES))) return isEqual;
  const folder = join(CACHE, 'run', FIGURES);
  const home = await flinkHome();
  for await (const figure of measureFigures({ home, folder, runs: options.runs })) {
    console.log(given.json === true ? JSON.stringify(figure) : figureLine(figure));
    if (isKept) await keep({ queries: [], figures: [figure] }, java);
  }
  return isEqual;
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) {
    throw new Error(`${option} takes a whole number from 1, not ${text}`);
  }
  return number;
}
