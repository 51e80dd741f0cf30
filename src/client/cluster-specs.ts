/** What the commands take that talk to a cluster over its REST interface. */
import { JOB_ID, type CommandSpec, type OptionSpec } from './arguments.ts';
import { CONFIG, DEFINE, HELP, JOBMANAGER_OPTION, TOKEN_FILE } from './command-specs.ts';

const VERBOSE: OptionSpec = { name: 'verbose', help: 'print whole stacks of errors' };
const JSON_OPTION: OptionSpec = { name: 'json', help: 'print the result as JSON' };

/** What all of them take. */
const COMMON: readonly OptionSpec[] = [
  JOBMANAGER_OPTION,
  TOKEN_FILE,
  DEFINE,
  CONFIG,
  JSON_OPTION,
  VERBOSE,
  HELP,
];

const EXIT_CODES: CommandSpec['exitCodes'] = [
  [0, 'the cluster has done it'],
  [1, 'it could not, nobody answers, or the command or an option is wrong'],
];

const FORMAT: OptionSpec = {
  name: 'type',
  aliases: ['-type'],
  value: 'TYPE',
  values: ['canonical', 'native'],
  help: 'the format of the savepoint: canonical (if nothing is said) or native',
};

const DETACHED: OptionSpec = {
  name: 'detached',
  aliases: ['-detached'],
  help: 'do not wait: print the id of the operation',
};

export const LIST: CommandSpec = {
  name: 'list',
  summary: 'Lists the jobs of a cluster.',
  positionals: [],
  options: [
    { name: 'running', short: 'r', help: 'those that run or restart' },
    { name: 'scheduled', short: 's', help: 'those that have not begun' },
    { name: 'all', short: 'a', help: 'these, and those that have ended' },
    ...COMMON,
  ],
  exitCodes: EXIT_CODES,
  json: '{"jobs": [{"jobId", "name", "status", "startTime", "endTime" or null, "durationMillis", "tasks": {"total", "running", ...}}]}',
  examples: ['millrace list', 'millrace list -a -m jobs.example:8081', 'millrace list --json'],
};

export const CANCEL: CommandSpec = {
  name: 'cancel',
  summary: 'Cancels a job.',
  positionals: [`[${JOB_ID}]`],
  options: [
    {
      ...{ name: 'withSavepoint', short: 's', value: 'DIRECTORY', isValueOptional: true },
      help: 'with a savepoint before; `millrace stop` is better',
    },
    FORMAT,
    ...COMMON,
  ],
  exitCodes: EXIT_CODES,
  json: '{"jobId", "status": "CANCELLING"}, and with -s {"jobId", "savepoint"}',
  examples: ['millrace cancel 6f1c0a', 'millrace cancel 6f1c0a2e9b7d4f53a1c8e0d2b4f69710'],
};

export const STOP: CommandSpec = {
  name: 'stop',
  summary: 'Stops a job with a savepoint, so that it can go on from there.',
  positionals: [`[${JOB_ID}]`],
  options: [
    { name: 'drain', short: 'd', help: 'go to the end of event time first: windows fire' },
    {
      ...{ name: 'savepointPath', short: 'p', value: 'DIRECTORY', isValueOptional: true },
      help: 'where the savepoint goes; execution.checkpointing.savepoint-dir if nothing is said',
    },
    FORMAT,
    DETACHED,
    ...COMMON,
  ],
  exitCodes: EXIT_CODES,
  json: '{"jobId", "savepoint"}, and with -detached {"jobId", "triggerId"}',
  examples: [
    'millrace stop 6f1c0a --savepointPath /var/savepoints',
    'millrace stop --drain 6f1c0a',
  ],
};

export const SAVEPOINT: CommandSpec = {
  name: 'savepoint',
  summary: 'Takes a savepoint of a job, disposes of one, or shows what is in it: `inspect PATH`.',
  positionals: [`[${JOB_ID}|inspect]`, '[DIRECTORY|PATH]'],
  options: [
    { name: 'dispose', short: 'd', value: 'PATH', help: 'delete this savepoint' },
    { name: 'state', help: 'inspect: print all entries of all states as well' },
    FORMAT,
    DETACHED,
    ...COMMON,
  ],
  exitCodes: EXIT_CODES,
  json: '{"jobId", "savepoint"}, with -detached {"jobId", "triggerId"}, with --dispose {"savepoint", "disposed": true}; inspect: {"type": "savepoint", "location", "operators" ...}, with --state a line {"type": "entry", "operator", "state", "key", "value"} for each entry',
  examples: [
    'millrace savepoint 6f1c0a',
    'millrace savepoint 6f1c0a /var/savepoints -type native',
    'millrace savepoint -d /var/savepoints/savepoint-6f1c0a-1',
    'millrace savepoint inspect /var/savepoints/savepoint-6f1c0a-1 --state',
  ],
};

export const CHECKPOINT: CommandSpec = {
  name: 'checkpoint',
  summary: 'Takes a checkpoint of a job now.',
  positionals: [JOB_ID],
  options: [
    { name: 'full', aliases: ['-full'], help: 'all state, not only what has changed' },
    ...COMMON,
  ],
  exitCodes: EXIT_CODES,
  json: '{"jobId", "checkpointId"}',
  examples: ['millrace checkpoint 6f1c0a', 'millrace checkpoint 6f1c0a -full'],
};

export const TOP: CommandSpec = {
  name: 'top',
  summary: 'Shows what the vertices of a running job do: rates, how busy they are, event time.',
  positionals: [`[${JOB_ID}]`],
  options: [
    { name: 'once', help: 'one table, as where the output is no terminal' },
    { name: 'interval', value: 'DURATION', help: 'how often it looks; 1 s if nothing is said' },
    ...COMMON,
  ],
  exitCodes: EXIT_CODES,
  json: 'a line a look: {"type": "top", "jobId", "name", "status", "durationMillis", "vertices": [{"id", "name", "status", "parallelism", "recordsIn", "recordsOut", "recordsInPerSecond", "recordsOutPerSecond", "busy" and "backPressured" from 0 to 1 or null, "watermark" in epoch milliseconds, "end" or null}]}',
  examples: ['millrace top', 'millrace top 6f1c0a --once', 'millrace top --json --interval 10s'],
};

export const LOGS: CommandSpec = {
  name: 'logs',
  summary: 'Prints the log of the JobManager, of a TaskManager, or what there is about a job.',
  positionals: ['[WHOSE]'],
  options: [
    { name: 'follow', short: 'f', help: 'go on with what comes, until Ctrl-C' },
    { name: 'lines', short: 'n', value: 'N', help: 'only the last N lines of what there is' },
    { name: 'file', value: 'NAME', help: 'another file of those that --list shows' },
    { name: 'list', help: 'print which logs there are' },
    ...COMMON,
  ],
  exitCodes: EXIT_CODES,
  json: 'a line a line: {"type": "log", "source", "time", "level", "message", "fields"}; with --list {"components": [{"component", "files": [{"name", "size", "mtime"}]}]}',
  examples: [
    'millrace logs',
    'millrace logs --follow -n 20 taskmanager-1',
    'millrace logs 6f1c0a',
    'millrace logs --list',
  ],
};
