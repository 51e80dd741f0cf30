/** `millrace savepoint inspect`: what a savepoint or checkpoint consists of, without a cluster. */
import { EngineError } from '../base/errors.ts';
import {
  describeSavepoint,
  reportEntries,
  type EntryReport,
  type OperatorDescription,
  type SavepointDescription,
} from '../state-processor/inspect.ts';
import { SavepointReader } from '../state-processor/savepoint-reader.ts';
import { fileSystemOptions, FileSystems } from '../storage/file-systems.ts';
import type { ParsedArguments } from './arguments.ts';
import { commandConfiguration } from './command-configuration.ts';
import type { CommandEnv } from './command-env.ts';
import { ExitCode } from './exit-codes.ts';
import { renderTable } from './table.ts';

export async function inspectCommand(env: CommandEnv, args: ParsedArguments): Promise<number> {
  const path = args.positionals[1];
  if (path === undefined) {
    throw new EngineError('CLI_ARGUMENT_MISSING', {
      argument: 'the path of a savepoint',
      command: 'savepoint',
    });
  }
  const configuration = await commandConfiguration(env, args);
  const options = fileSystemOptions(configuration.toRecord());
  const reader = await SavepointReader.open(FileSystems.create(env, options), path);
  const description = await describeSavepoint(reader);
  const { stdout } = env.terminal;
  const isJson = args.has('json');
  const write = async (text: string): Promise<void> => {
    stdout.write(`${text}\n`);
    await stdout.flush();
  };
  await write(isJson ? JSON.stringify({ type: 'savepoint', ...description }) : textOf(description));
  if (args.has('state')) {
    for await (const entry of reportEntries(reader)) {
      await write(isJson ? JSON.stringify({ type: 'entry', ...entry }) : entryText(entry));
    }
  }
  return ExitCode.success;
}

function textOf(savepoint: SavepointDescription): string {
  const { purpose, format, jobName, jobId, checkpointId, triggeredAt, location } = savepoint;
  const { files, bytes, operators, tasks } = savepoint;
  const what = purpose === 'savepoint' ? `${format ?? ''} savepoint`.trim() : 'checkpoint';
  const lines = [
    `${what[0]!.toUpperCase()}${what.slice(1)} ${checkpointId} of the job "${jobName}" (${jobId})`,
    `  at ${location}`,
    `  taken ${new Date(triggeredAt).toISOString()}, ${sizeText(bytes)} in ${files} files`,
    ...operators.flatMap(operatorLines),
  ];
  for (const { name, parallelism, finished, inFlightBytes } of tasks) {
    lines.push(
      '',
      `Task ${name}: ${finished} of ${parallelism} subtasks had finished, ` +
        `${sizeText(inFlightBytes)} were in flight`,
    );
  }
  return lines.join('\n');
}

function operatorLines(operator: OperatorDescription): readonly string[] {
  const { name, id, uid, parallelism, maxParallelism, states, committables } = operator;
  const by = uid === undefined ? `id ${id}` : `uid ${uid}, id ${id}`;
  const lines = ['', `${name} (${by})`];
  lines.push(
    `  parallelism ${parallelism} of at most ${maxParallelism}, ${sizeText(operator.bytes)}`,
  );
  if (operator.enumeratorBytes !== undefined) {
    const size = sizeText(operator.enumeratorBytes);
    lines.push(`  enumerator of the source: ${size} of ${operator.enumerator!}`);
  }
  const keys = operator.keyedBy.filter((key) => key !== undefined);
  if (keys.length > 0) lines.push(`  keys: ${[...new Set(keys)].join(' and ')}`);
  if (committables > 0) {
    lines.push(`  prepared and not committed: ${committables} of ${operator.committable!}`);
  }
  if (states.length === 0) return lines;
  const rows = states.map((state) => [
    state.name,
    state.kind,
    String(state.entries),
    sizeText(state.bytes),
    state.schema,
  ]);
  const table = renderTable(['STATE', 'KIND', 'ENTRIES', 'SIZE', 'SCHEMA'], rows).trimEnd();
  return [...lines, ...table.split('\n').map((line) => `  ${line}`)];
}

/** @example totals/count "lhr" = 42 */
function entryText({
  operator,
  state,
  subtask,
  key,
  namespace,
  slice,
  value,
}: EntryReport): string {
  const parts = [
    `${operator}/${state}`,
    ...(subtask === undefined ? [] : [`#${subtask}`]),
    ...(key === undefined ? [] : [JSON.stringify(key)]),
    ...(namespace === undefined ? [] : [`in ${JSON.stringify(namespace)}`]),
    ...(slice === undefined ? [] : [`at ${slice}`]),
  ];
  return `${parts.join(' ')} = ${JSON.stringify(value)}`;
}

function sizeText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let scaled = bytes;
  let unit = 0;
  for (; scaled >= 1000 && unit < units.length - 1; unit += 1) scaled /= 1000;
  return `${unit === 0 ? scaled : scaled.toPrecision(3)} ${units[unit]!}`;
}
