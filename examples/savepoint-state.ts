// A program that makes a savepoint, changes it and reads it, without a cluster: `npx node
// examples/savepoint-state.ts FOLDER`. Notice: a job whose operator has the uid `totals` and a
// state
// `count` goes on from what stands there: `millrace run -s FOLDER/renamed job.ts`.
import { state, t } from 'millrace';
import { SavepointReader, SavepointWriter } from 'millrace/state-processor';

const folder = process.argv[2] ?? 'out/savepoints';

const made = await SavepointWriter.newSavepoint({ jobName: 'Totals', maxParallelism: 128 })
  .withKeyedState('counts', {
    key: t.string,
    states: { count: state.value(t.float64) },
    fill: ({ at, states }) => {
      for (const [airport, flights] of [
        ['LHR', 1302],
        ['CDG', 1270],
        ['AMS', 1218],
      ] as const) {
        at(airport);
        states.count.set(flights);
      }
    },
  })
  .write(`${folder}/made`);

const writer = await SavepointWriter.fromExistingSavepoint(made);
const renamed = await writer
  .changeOperatorIdentifier('counts', 'totals')
  .write(`${folder}/renamed`);

const savepoint = await SavepointReader.read(renamed);
console.log(`"${savepoint.info.jobName}" has ${savepoint.operators.length} operator`);
const lines: string[] = [];
for await (const { key, value } of savepoint.keyedState<number>('totals', 'count')) {
  lines.push(`${String(key)} ${value}`);
}
for (const line of lines.toSorted()) console.log(line);
