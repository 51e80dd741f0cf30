/**
 * What the commands take, apart from what they do, so that `--help` does not load the engine.
 */
import type { CommandSpec, OptionSpec } from './arguments.ts';
import { ExitCode } from './exit-codes.ts';

export const CONFIG: OptionSpec = {
  name: 'config',
  value: 'FILE',
  help: 'a configuration file, in place of the one that is found by itself',
};

export const DEFINE: OptionSpec = {
  name: 'define',
  short: 'D',
  value: 'KEY=VALUE',
  multiple: true,
  help: 'a configuration option; may be repeated',
};

export const HELP: OptionSpec = { name: 'help', short: 'h', help: 'print this' };

export const JOBMANAGER_OPTION: OptionSpec = {
  name: 'jobmanager',
  short: 'm',
  value: 'HOST:PORT',
  help: 'the cluster: its REST port; the one started on this machine if nothing is said',
};

export const TOKEN_FILE: OptionSpec = {
  name: 'token-file',
  value: 'FILE',
  help: 'the token of a cluster that was not started on this machine',
};

const PROFILE: OptionSpec = {
  name: 'profile',
  help: 'write a CPU profile of each slot into this folder, for Chrome DevTools or speedscope',
};

const RUN_EXIT_CODES: CommandSpec['exitCodes'] = [
  [ExitCode.success, 'the job has finished; with -d: it runs'],
  [ExitCode.failure, 'the job failed, or the command, the job file or an option is wrong'],
  [ExitCode.interrupted, 'ended by Ctrl-C; on a cluster the job goes on unless -sae was given'],
  [ExitCode.terminated, 'ended by SIGTERM, likewise'],
];

const JOB_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'parallelism',
    short: 'p',
    value: 'N',
    help: 'parallel subtasks of operators that do not say otherwise',
  },
  {
    name: 'param',
    value: 'KEY=VALUE',
    multiple: true,
    help: 'a parameter of the job; may be repeated',
  },
  DEFINE,
  CONFIG,
  {
    name: 'job',
    short: 'c',
    aliases: ['--class'],
    value: 'NAME',
    help: 'which export, where the file exports several jobs',
  },
];

export const RUN: CommandSpec = {
  name: 'run',
  summary: 'Runs a job: in this process to its end, or with -m, -t remote or -d on a cluster.',
  positionals: ['JOB_FILE'],
  options: [
    ...JOB_OPTIONS,
    {
      ...JOBMANAGER_OPTION,
      help: 'run it on this cluster: its REST port',
    },
    {
      name: 'target',
      short: 't',
      value: 'TARGET',
      values: ['local', 'remote'],
      help: 'local: in this process, if no option of a cluster is given; remote: on the cluster of the configuration, else on the one started on this machine; a cluster for this job alone: `millrace run-application`',
    },
    TOKEN_FILE,
    { name: 'detached', short: 'd', help: 'cluster: do not wait for the job' },
    {
      name: 'externals',
      value: 'NAME',
      multiple: true,
      help: 'cluster: a package that is installed there, and not put into the bundle; may be repeated',
    },
    {
      name: 'shutdownOnAttachedExit',
      aliases: ['-sae'],
      help: 'cluster: cancel the job when this command is interrupted or lost',
    },
    {
      name: 'fromSavepoint',
      short: 's',
      value: 'PATH',
      help: 'go on from a savepoint, or from a checkpoint that was kept',
    },
    {
      name: 'allowNonRestoredState',
      short: 'n',
      help: 'leave out state of the savepoint that fits no operator',
    },
    {
      name: 'claimMode',
      aliases: ['-cm', '-rm', '--restoreMode'],
      value: 'MODE',
      values: ['claim', 'no_claim', 'legacy'],
      help: 'whose the savepoint is from then on',
    },
    PROFILE,
    { name: 'json', help: 'print one JSON object a line instead of text' },
    { name: 'verbose', help: 'print whole stacks of errors, and the log of the engine' },
    HELP,
  ],
  json: 'a line an object with "type": submitted {"jobId"}, print {"subtask", "line"}, progress, restart {"message"} (on a cluster), profile {"taskManager", "slot", "path", "problem"}, warning, result {"jobId", "status", "runtimeMillis", "accumulators", "error"}, error',
  exitCodes: RUN_EXIT_CODES,
  examples: [
    'millrace run examples/word-count.ts',
    'millrace run examples/flight-delays.ts -p 4 --param out=out/delays',
    'millrace run jobs.ts --job hourly -D restart-strategy.type=fixed-delay --json',
    'millrace run -d examples/word-count.ts',
    'millrace run -m localhost:8081 examples/word-count.ts',
    'millrace run --profile examples/word-count.ts',
  ],
};

export const RUN_APPLICATION: CommandSpec = {
  name: 'run-application',
  summary: 'Runs a job in a cluster of its own on this machine, which ends with it.',
  positionals: ['JOB_FILE'],
  options: [
    ...JOB_OPTIONS,
    { name: 'taskmanagers', value: 'N', help: 'TaskManagers; 1 if nothing is said' },
    { name: 'slots', value: 'N', help: 'slots of each; as many as cores if nothing is said' },
    PROFILE,
    { name: 'json', help: 'print one JSON object a line instead of text' },
    { name: 'verbose', help: 'print whole stacks of errors, and the log of the engine' },
    HELP,
  ],
  json: 'as `millrace run` on a cluster',
  exitCodes: [
    [ExitCode.success, 'the job has finished'],
    [ExitCode.failure, 'the job or the cluster failed, or the command is wrong'],
    [ExitCode.interrupted, 'the job was cancelled by Ctrl-C'],
    [ExitCode.terminated, 'the job was cancelled by SIGTERM'],
  ],
  examples: [
    'millrace run-application examples/word-count.ts',
    'millrace run-application examples/flight-delays.ts -p 4 --taskmanagers 2 --slots 2',
  ],
};

export const INFO: CommandSpec = {
  name: 'info',
  summary: 'Builds a job without running it, and prints its plan.',
  positionals: ['JOB_FILE'],
  options: [
    ...JOB_OPTIONS,
    { name: 'json', help: 'print the plan as JSON' },
    { name: 'mermaid', help: 'print the plan as a Mermaid diagram' },
    { name: 'verbose', help: 'print whole stacks of errors' },
    HELP,
  ],
  examples: [
    'millrace info examples/word-count.ts',
    'millrace info examples/flight-delays.ts -p 4 --mermaid',
  ],
};

export const CONFIG_COMMAND: CommandSpec = {
  name: 'config',
  summary: 'Shows what is configured, what it means, and where it was set.',
  positionals: ['[KEY]'],
  options: [
    { name: 'explain', help: 'with default, type, origin and meaning; all options without KEY' },
    DEFINE,
    CONFIG,
    { name: 'json', help: 'print the explanations as JSON' },
    { name: 'verbose', help: 'print whole stacks of errors' },
    HELP,
  ],
  exitCodes: [
    [0, 'the configuration has been shown'],
    [1, 'the configuration has a mistake, or there is no such option'],
  ],
  examples: [
    'millrace config',
    'millrace config parallelism.default',
    'millrace config --explain restart-strategy.type',
  ],
};

export const COMPLETION: CommandSpec = {
  name: 'completion',
  summary: 'Prints a script for the shell, which then completes commands, options and ids of jobs.',
  positionals: ['SHELL'],
  options: [HELP],
  exitCodes: [
    [0, 'the script has been printed'],
    [1, 'there is none for that shell'],
  ],
  examples: [
    'eval "$(millrace completion bash)"',
    'millrace completion zsh > ~/.zfunc/_millrace',
    'millrace completion fish > ~/.config/fish/completions/millrace.fish',
  ],
};

const INSECURE_BIND: OptionSpec = {
  name: 'insecure-bind',
  help: 'open ports to other machines without authentication or TLS',
};

const PROCESS_OPTIONS: readonly OptionSpec[] = [
  DEFINE,
  CONFIG,
  { name: 'verbose', help: 'log more' },
  HELP,
  INSECURE_BIND,
  { name: 'supervised', hidden: true, help: 'ends with its parent, and tells it how it goes' },
  { name: 'directory', value: 'PATH', hidden: true, help: 'folder of the cluster' },
  { name: 'log', value: 'NAME', hidden: true, help: 'file of its log' },
];

const PROCESS_EXIT_CODES: CommandSpec['exitCodes'] = [
  [0, 'it was ended in order, by SIGTERM or Ctrl-C'],
  [1, 'it could not start'],
  [2, 'it had started, and an error ended it'],
];

const NO_AUTH: OptionSpec = {
  name: 'no-auth',
  help: 'let everybody on this machine use the REST interface, without the token',
};

export const JOBMANAGER: CommandSpec = {
  name: 'jobmanager',
  summary: 'Runs a JobManager in the foreground.',
  positionals: [],
  options: [NO_AUTH, ...PROCESS_OPTIONS],
  exitCodes: PROCESS_EXIT_CODES,
  examples: [
    'millrace jobmanager',
    'millrace jobmanager -D jobmanager.rpc.address=master.example -D jobmanager.bind-host=0.0.0.0',
  ],
};

const EXTERNALS: OptionSpec = {
  name: 'externals',
  value: 'NAME',
  multiple: true,
  help: 'a package that is installed at the TaskManagers, and not put into the bundle',
};

export const BUNDLE: CommandSpec = {
  name: 'bundle',
  summary: 'Writes what `run` uploads to a cluster into a file, for programs that use REST.',
  positionals: ['JOB_FILE'],
  options: [
    {
      name: 'output',
      short: 'o',
      value: 'FILE',
      help: 'where to; beside you, under the name of the job file with .mjs, if nothing is said',
    },
    EXTERNALS,
    DEFINE,
    CONFIG,
    { name: 'json', help: 'print {"path", "bytes", "sha256"}' },
    { name: 'verbose', help: 'print whole stacks of errors' },
    HELP,
  ],
  examples: [
    'millrace bundle examples/word-count.ts',
    'millrace bundle src/jobs.ts -o dist/jobs.mjs --externals sharp',
  ],
};

export const STANDALONE_JOB: CommandSpec = {
  name: 'standalone-job',
  summary: 'Runs a JobManager for one job, in the foreground; it ends with the job.',
  positionals: ['JOB_FILE'],
  options: [...JOB_OPTIONS, EXTERNALS, NO_AUTH, { name: 'verbose', help: 'log more' }, HELP],
  exitCodes: [
    [0, 'the job has finished, or was cancelled, or SIGTERM or Ctrl-C ended the process'],
    [1, 'it could not start'],
    [2, 'it had started, and an error ended it'],
    [163, 'the job failed'],
    [165, 'how the job ended is not known'],
  ],
  examples: [
    'millrace standalone-job examples/word-count.ts',
    'millrace standalone-job jobs.ts --job hourly -D high-availability.type=filesystem -D high-availability.storageDir=/var/lib/millrace',
  ],
};

export const TASKMANAGER: CommandSpec = {
  name: 'taskmanager',
  summary: 'Runs a TaskManager in the foreground.',
  positionals: [],
  options: PROCESS_OPTIONS,
  exitCodes: PROCESS_EXIT_CODES,
  examples: [
    'millrace taskmanager',
    'millrace taskmanager -D jobmanager.rpc.address=master.example -D taskmanager.numberOfTaskSlots=2',
  ],
};

/** Runs in the background; started by `cluster start`. */
export const SUPERVISOR: CommandSpec = {
  name: 'supervisor',
  summary: 'Keeps the processes of a cluster on this machine running.',
  hidden: true,
  positionals: [],
  options: [
    ...PROCESS_OPTIONS,
    { name: 'taskmanagers', value: 'N', help: 'TaskManagers on this machine' },
    { name: 'jobmanager', help: 'with a JobManager' },
    { name: 'host', value: 'HOST', multiple: true, help: 'another machine of the cluster' },
    { name: 'owned', help: 'ends with the command that started it' },
  ],
  exitCodes: PROCESS_EXIT_CODES,
  examples: [],
};

export const SECURE: CommandSpec = {
  name: 'secure',
  summary: 'Makes the secret and the certificates of a cluster.',
  positionals: ['ACTION'],
  options: [
    {
      name: 'out',
      value: 'FOLDER',
      help: 'where the files are put; millrace-security by default',
    },
    {
      name: 'host',
      value: 'HOST',
      multiple: true,
      help: 'a name or address under which the machines are reached, for the certificates; may be repeated; this machine by default',
    },
    { name: 'days', value: 'N', help: 'how long the certificates are valid; 365 by default' },
    { name: 'renew', help: 'new certificates of the authority that is there already' },
    { name: 'json', help: 'print what was made, and the options to set, as JSON' },
    { name: 'verbose', help: 'print whole stacks of errors' },
    HELP,
  ],
  exitCodes: [
    [ExitCode.success, 'done'],
    [ExitCode.failure, 'it could not be done; files that were there are as they were'],
  ],
  examples: [
    'millrace secure init --out /etc/millrace --host master.example --host worker-1.example',
    'millrace secure init --out /etc/millrace --renew',
  ],
};

export const CLUSTER: CommandSpec = {
  name: 'cluster',
  summary: 'Starts, stops or shows a cluster in the background.',
  positionals: ['ACTION'],
  options: [
    {
      name: 'hosts',
      value: 'FILE',
      help: 'start: a file of hosts, one a line, for the TaskManagers; by ssh',
    },
    { name: 'join', value: 'FILE', hidden: true, help: 'start: as another machine has ordered' },
    { name: 'taskmanagers', value: 'N', help: 'start: TaskManagers; 1 by default' },
    { name: 'slots', value: 'N', help: 'start: slots of each; by default as many as cores' },
    NO_AUTH,
    DEFINE,
    CONFIG,
    INSECURE_BIND,
    {
      name: 'all',
      help: 'stop, status: all clusters of this machine, those of run-application too; status: also the logs of applications that have ended',
    },
    { name: 'json', help: 'print JSON; with --all an object a line' },
    { name: 'verbose', help: 'print whole stacks of errors' },
    HELP,
  ],
  exitCodes: [
    [0, 'done; of status: the cluster runs, with --all: one does'],
    [1, 'it could not be done; of status: the cluster does not run'],
  ],
  examples: [
    'millrace cluster start --taskmanagers 2 --slots 2',
    'millrace cluster status --json',
    'millrace cluster status --all',
    'millrace cluster stop',
  ],
};
