/**
 * The part of the error table for who runs jobs and clusters: commands, clusters, REST,
 * configuration.
 */
import type { ErrorCode } from './error-code.ts';
import { external, user } from './error-entry.ts';
import type { ErrorEntry } from './errors.ts';

type OperationErrorCode = Extract<
  ErrorCode,
  | `${'CHECKPOINT' | 'CLI' | 'CLUSTER' | 'CONFIG' | 'PROFILER' | 'PROFILING'}_${string}`
  | `${'RESTORE' | 'REST' | 'SAVEPOINT' | 'SECURITY'}_${string}`
>;

export const OPERATION_ERRORS: Readonly<Record<OperationErrorCode, ErrorEntry>> = {
  // Checkpoints and savepoints
  CHECKPOINT_DECLINED: external(
    '{task} takes no part in checkpoint {checkpointId}: {reason}.',
    'Nothing has to be done: the next checkpoint is triggered as usual.',
  ),
  CHECKPOINT_DIRECTORY_UNUSABLE: external(
    'Checkpoints cannot be kept in {directory}: {reason}.',
    'Set execution.checkpointing.dir to a folder that the JobManager and all TaskManagers can read and write.',
  ),
  CHECKPOINT_FILE_INVALID: {
    domain: 'external',
    retry: 'never',
    message: 'The file {path} of a checkpoint cannot be used: {reason}.',
    fix: 'Restore an older checkpoint or a savepoint, and look at the disk or the store that it was read from.',
  },
  CHECKPOINT_ABORTED: external(
    'Checkpoint {checkpointId} was given up: {reason}.',
    'Nothing has to be done where the next one succeeds; who has asked for this one asks again.',
  ),
  CHECKPOINT_EXPIRED: external(
    'Checkpoint {checkpointId} was not complete after {timeout}: {missing} tasks had not answered.',
    'Are tasks back-pressured or their states large? See execution.checkpointing.timeout and execution.checkpointing.unaligned.enabled.',
  ),
  CHECKPOINT_FAILURES_EXCEEDED: external(
    '{failures} checkpoints have failed in a row, and the job tolerates {tolerated}.',
    'The cause tells why the last one failed. See execution.checkpointing.tolerable-failed-checkpoints.',
  ),
  CHECKPOINT_JOB_ENDED: user(
    'The job {jobId} has ended: there is nothing to take a checkpoint or savepoint of.',
    'The jobs that run are listed by `millrace list`.',
  ),
  CHECKPOINT_JOB_STOPS: user(
    'The job is being stopped with a savepoint: there is no other checkpoint of it.',
    'Go on from that savepoint, which `millrace stop` names when the job has ended.',
  ),
  CHECKPOINT_QUEUE_FULL: user(
    '{limit} checkpoints of the job have been asked for already, and wait for their turn.',
    'Wait until they are complete, then ask again.',
  ),
  CHECKPOINT_STATE_TOO_LARGE: user(
    'A state of more than 5 MiB, or states of one task of more than 12 MiB, do not fit into a checkpoint that is kept in the memory of the JobManager.',
    'Set execution.checkpointing.dir to a folder that the JobManager and all TaskManagers see; where it is set, lower execution.checkpointing.data-inline-threshold.',
  ),
  CHECKPOINT_TASKS_FINISHED: user(
    'There is no checkpoint of the job, because tasks of it have finished.',
    'See execution.checkpointing.checkpoints-after-tasks-finish.',
  ),
  CHECKPOINT_TASKS_NOT_RUNNING: external(
    'There is no checkpoint of the job now, because not all of its tasks are running.',
    'Try again when the job runs.',
  ),
  RESTORE_CHECKPOINT_UNUSABLE: {
    domain: 'external',
    retry: 'never',
    message:
      'The job cannot go on from {location}, its newest complete checkpoint: {reason}. It does not start without it.',
    fix: 'Mend what the cause names and start the job again with `run -s {location}`; {older}. Nothing of its checkpoints was removed.',
  },
  RESTORE_CLAIM_RUNNING: user(
    'The checkpoint {location} cannot be claimed: its job {former} has not ended, and may go on from it.',
    'Cancel that job first, or go on from the checkpoint with --claimMode no_claim.',
  ),
  SAVEPOINT_IN_USE: user(
    'The checkpoint {location} is not disposed of: the job {jobId}, which has not ended, may go back to it.',
    'That job removes its checkpoints itself; dispose of those it leaves after it has ended.',
  ),
  RESTORE_COMMITTABLES_CHANGED: user(
    'Checkpoint {checkpointId} holds output that the sink "{operator}" has prepared to commit, and this program cannot read it, because of {field}: {reason}.',
    '{fix} Or give the sink another uid: then what was prepared is left behind with --allowNonRestoredState, and is lost where the former program did not commit it.',
  ),
  RESTORE_IN_FLIGHT_CHANGED: user(
    'The job cannot go on from checkpoint {checkpointId}: records were on their way from "{source}" to "{target}", and that way is another now: {change}.',
    'Change it after an aligned checkpoint or a savepoint, in which nothing is on its way, or give these records up with --allowNonRestoredState.',
  ),
  RESTORE_IN_FLIGHT_KEYS: user(
    'The job cannot go on from checkpoint {checkpointId}: records were on their way from "{source}" to "{target}", and the key selector gives other keys for them now.',
    'Take the former key selector, and change it after an aligned checkpoint or a savepoint, in which nothing is on its way.',
  ),
  RESTORE_IN_FLIGHT_KEY_GROUPS: user(
    '"{vertex}" cannot take over the records that were on their way to it in checkpoint {checkpointId}: their keys are in {maxParallelism} groups, and now there are to be {actual}.',
    'Set neither .setMaxParallelism nor pipeline.max-parallelism, or set it to {maxParallelism}, at a parallelism of at most {maxParallelism}; or change it after an aligned checkpoint or a savepoint.',
  ),
  RESTORE_IN_FLIGHT_LOST: user(
    'The job cannot go on from checkpoint {checkpointId}: records were on their way to or from "{vertex}", and the job has no such way any more.',
    'Change the ways between operators after an aligned checkpoint or a savepoint, or give these records up with --allowNonRestoredState.',
  ),
  RESTORE_OTHER_KEY_GROUPS: user(
    '"{operator}" cannot take its state over: its keys are in {maxParallelism} groups, and now there are to be {actual}.',
    'Set neither .setMaxParallelism nor pipeline.max-parallelism, which takes the former number over, or set it to {maxParallelism}: it is fixed when state is first kept.',
  ),
  RESTORE_STATE_UNCLAIMED: user(
    'The job cannot go on from checkpoint {checkpointId}: it has no operator for the state of {operators}.',
    'Give operators the uid that they had, or leave the state behind with --allowNonRestoredState.',
  ),
  RESTORE_TOO_FEW_KEY_GROUPS: user(
    '"{operator}" cannot run with parallelism {parallelism}: its keys are in {maxParallelism} groups.',
    'Give it a parallelism of at most {maxParallelism}.',
  ),
  SAVEPOINT_DIRECTORY_UNSET: user(
    'There is no folder for the savepoint: the request names none, and none is configured.',
    'Name a folder, or set execution.checkpointing.savepoint-dir.',
  ),
  SAVEPOINT_STOP_FAILED: external(
    'The savepoint {location} is complete, but the job did not stop after it: it goes on from there.',
    'The log of the JobManager tells what failed. Stop the job again.',
  ),
  SAVEPOINT_NOT_FOUND: user(
    'There is no savepoint of this engine at {path}.',
    'Name the folder that has the file _metadata: .../savepoint-... or .../chk-N.',
  ),
  SAVEPOINT_STATE_UNKNOWN: user('{location} has {what}.', '{known}.'),

  // The REST interface
  REST_UNPROTECTED: user(
    'The REST interface would listen for other machines on {address} and ask nobody for a token.',
    'Let it listen on 127.0.0.1, or ask for the token.',
  ),

  // The command line
  CLI_ADDRESS_INVALID: user(
    '"{text}" is no address of a cluster.',
    'Write host:port, e.g. --jobmanager localhost:8081, or a URL.',
  ),
  CLI_ARGUMENT_MISSING: user(
    '`millrace {command}` needs {argument}.',
    'See `millrace {command} --help`.',
  ),
  CLI_ARGUMENT_UNEXPECTED: user(
    '`millrace {command}` does not know what to do with "{argument}".',
    'See `millrace {command} --help`.',
  ),
  CLI_JOB_ID_AMBIGUOUS: user(
    'Several jobs have an id that begins with {text}: {jobs}.',
    'Write more of it.',
  ),
  CLI_JOB_ID_INVALID: user(
    '"{text}" is no id of a job.{suggestion}',
    'An id has 32 hexadecimal digits, of which the first 6 will do; `millrace list -a` shows them.',
  ),
  CLI_JOB_ID_UNKNOWN: user(
    'No job of this cluster has an id that begins with {text}.',
    '`millrace list -a` shows all; jobs that ended long ago are forgotten.',
  ),
  CLI_JOB_ID_MISSING: user(
    'Missing JobID. `millrace {command}` needs the id of a job.',
    '`millrace list -a` shows the jobs and their ids.',
  ),
  CLI_JOB_UNCLEAR: user(
    'It is not clear which job is meant: {what}.',
    'Give the id of a job; `millrace list -a` shows them.',
  ),
  CLI_NOT_AN_ASSIGNMENT: user(
    '{option} takes key=value, not "{text}".',
    'For example {option} name=value.',
  ),
  CLI_NO_SUCH_LOG: user(
    '"{name}" is neither jobmanager, nor a TaskManager, nor a job.{suggestion}',
    '`millrace logs --list` shows whose logs there are, `millrace list -a` the jobs.',
  ),
  CLI_OPTION_NEEDS_CLUSTER: user(
    '{option} is for a job that runs on a cluster, and -t local runs it in this process.',
    'Leave out {option}, or -t local.',
  ),
  CLI_OPTION_TWICE: user('{option} was given twice.', 'Give it once.'),
  CLI_OPTION_VALUE_MISSING: user('{option} needs a value.', 'Write {option} {value}.'),
  CLI_OPTION_WITHOUT_VALUE: user('{option} takes no value.', 'See `millrace {command} --help`.'),
  CLI_TOKEN_FILE_INVALID: user(
    'The file {path} does not hold a token.',
    'It must hold one word, as the file rest-token of the folder of a cluster does.',
  ),
  CLI_UNKNOWN_ACTION: user('`millrace {command}` cannot "{name}".{suggestion}', 'It can: {known}.'),
  CLI_UNKNOWN_COMMAND: user(
    'There is no command "{name}".{suggestion}',
    'The commands are: {known}.',
  ),
  CLI_UNKNOWN_OPTION: user(
    '`millrace {command}` has no option {option}.{suggestion}',
    'See `millrace {command} --help`.',
  ),
  CLI_VALUE_INVALID: user('{option} cannot be "{value}".', 'It must be {expected}.'),

  SECURITY_FILES_EXIST: user(
    'In {folder} there are {files} already, and nothing is written over them.',
    'Choose another folder with --out, or make new certificates of the same authority with --renew.',
  ),
  SECURITY_FILES_MISSING: user(
    'New certificates need the authority, but {path} is not there.',
    'Name the folder in which `millrace secure init` was run with --out.',
  ),

  // Clusters on this machine
  CLUSTER_ADDRESS_LOCAL: user(
    'TaskManagers on other machines cannot reach a JobManager at {address}.',
    'Set -D jobmanager.rpc.address=HOST to the name under which they reach this machine.',
  ),
  CLUSTER_ALREADY_RUNNING: user(
    'The cluster "{cluster}" runs already: {what}.',
    'Stop it with `millrace cluster stop -D cluster.id={cluster}`, or start another under a name of its own with -D cluster.id=NAME.',
  ),
  CLUSTER_FILE_INVALID: user(
    'The file {path} of a cluster cannot be used: {reason}.',
    'End what is left of that cluster, then remove the file.',
  ),
  CLUSTER_HOME_UNKNOWN: user(
    'There is no place for the files of a cluster: neither MILLRACE_HOME nor HOME is set.',
    'Set MILLRACE_HOME to a folder.',
  ),
  CLUSTER_HOST_FAILED: external(
    'TaskManagers on {host} could not be {done}: {reason}.',
    'The host needs ssh access without a password, and the same folder of Millrace as this machine.',
  ),
  CLUSTER_NOT_STOPPED: external(
    'Processes of the cluster "{cluster}" do not end even when they are killed: {pids}.',
  ),
  CLUSTER_NOT_STARTED: external('The cluster "{cluster}" did not start: {reason}.', 'See {log}.'),

  // Configuration
  CONFIG_FILE_INVALID: user(
    '{problem}',
    'A configuration file has a key and its value a line, e.g. parallelism.default: 2.',
  ),
  CONFIG_FILE_NOT_FOUND: user(
    'There is no configuration file {path}.{suggestion}',
    'Give the path of a file after --config.',
  ),
  CONFIG_FILE_OLD: user(
    'The folder {folder}, which {variable} names, has a flink-conf.yaml, but no config.yaml.',
    'Rename it to config.yaml: the keys of Flink 1 are understood.',
  ),
  CONFIG_FILE_PROBLEMS: user(
    '{name} has {count} mistakes:{list}',
    'Correct them; `millrace config --explain KEY` describes an option.',
  ),
  CONFIG_FILE_UNREADABLE: user('The configuration file {path} is not read: {problem}.'),
  CONFIG_FOLDER_EMPTY: user(
    'There is no config.yaml in the folder {folder}, which {variable} names.',
    'Put one there, or unset {variable}.',
  ),
  CONFIG_INSECURE_BIND: user(
    '{subject} would listen on {host}, which other machines can reach, without {without}.',
    '{remedy} Or keep it on this machine with {hostKey}: 127.0.0.1. Or write --insecure-bind (millrace.security.insecure-bind: true) if the network itself keeps strangers out.',
  ),
  CONFIG_INVALID_ASSIGNMENT: user(
    '"{text}" does not set an option.',
    'Write key=value, e.g. -D parallelism.default=2.',
  ),
  CONFIG_INVALID_DURATION: user(
    '{value} is not a duration.',
    'Use a finite number, e.g. seconds(5).',
  ),
  CONFIG_INVALID_PARAMETER: user(
    'The parameter "{name}" of job "{job}" cannot be {value}: it must be {expected}.',
    'Give it as --param {name}=VALUE.',
  ),
  CONFIG_INVALID_VALUE: user('The option {key} cannot be {value}.', 'It must be {expected}.'),
  CONFIG_MEMORY_CONTRADICTION: user(
    'A TaskManager of {size} has {rest} for its slots after {framework} for itself and {network} for the network, not the {tasks} that were asked for.',
    'Leave out taskmanager.memory.task.heap.size, or raise taskmanager.memory.process.size.',
  ),
  CONFIG_MEMORY_TOO_SMALL: user(
    'A TaskManager of {size} is too small for {slots} slots: {rest} are left for them after {framework} for itself and {network} for the network.',
    'Set taskmanager.memory.process.size to {least} or more, or give it fewer slots.',
  ),
  CONFIG_MISSING_PARAMETER: user(
    'The job "{job}" needs {names}, which got no value.',
    'Add --param {first}=VALUE.',
  ),
  CONFIG_SECRET_INVALID: user(
    'The secret of the cluster cannot be read from {path}: {reason}.',
    'The file must hold 64 hexadecimal digits, e.g. of `openssl rand -hex 32`, the same on every machine.',
  ),
  CONFIG_TLS_INVALID: user('TLS cannot be used: {reason}.', '{fix}'),
  CONFIG_UNKNOWN_OPTION: user('There is no option {key}.{suggestion}'),
  CONFIG_UNKNOWN_PARAMETER: user(
    'The job "{job}" has no parameter "{name}".{suggestion}',
    'It has {known}.',
  ),
  CONFIG_UNSUPPORTED_OPTION: user(
    '{key} is an option of Flink that Millrace does not have.{reason}',
    'Leave it out.',
  ),

  // The REST interface, as its clients meet it
  REST_FORBIDDEN: user('{url} does not allow this: {message}'),
  REST_NO_CLUSTER: user(
    'What answers at {url} is no cluster of Millrace: it said {what}.',
    'Name the REST port of a cluster with --jobmanager HOST:PORT.',
  ),
  REST_OPERATION_FAILED: external('{what} failed: {message}'),
  REST_OPERATION_TIMEOUT: external(
    '{what} has not ended within {timeout}. It goes on in the cluster.',
    'Wait longer with -D client.timeout=10min, or do not wait: -detached.',
  ),
  REST_REFUSED: external('{url} refuses this (HTTP {status}): {message}'),
  REST_UNAUTHORIZED: user(
    '{url} wants the token of the cluster, or another than it was sent. {advice}',
    'Name a file that holds it with --token-file, or set MILLRACE_REST_TOKEN.',
  ),
  REST_UNAVAILABLE: external(
    'The cluster at {url} has nobody who could answer just now: {message}',
    'Try again in a moment; `millrace logs` of a cluster on this machine are in its folder.',
  ),
  PROFILER_UNAVAILABLE: external(
    'The profiler of {place} cannot be started: {reason}.',
    'Run without --profile, or use a Node that was built with its inspector.',
  ),
  PROFILING_OFF: user(
    'Profiling of {process} is off.',
    'Set rest.profiling.enabled: true in the configuration of its cluster, and start it again.',
  ),
  PROFILING_RUNS: user(
    '{process} is still under profiling.',
    'Wait until that is over: its list says when it began and how long it takes.',
  ),
  REST_CLUSTER_NOT_RUNNING: external(
    'The cluster "{cluster}" does not run on this machine, and there is none at {url}: {reason}.',
    'Start it with `millrace cluster start -D cluster.id={cluster}`, or name another with --jobmanager HOST:PORT.',
  ),
  REST_OTHER_CLUSTER: user(
    'The cluster "{cluster}" does not run on this machine; at {url} there is the cluster "{other}".',
    'Start it with `millrace cluster start -D cluster.id={cluster}`, or ask the other with -D cluster.id={other}.',
  ),
  REST_UNREACHABLE: external(
    'There is no cluster at {url}: {reason}.',
    'Start one with `millrace cluster start`, or name another with --jobmanager HOST:PORT.',
  ),
};
