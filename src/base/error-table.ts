/**
 * Every error the engine can report: code -> message, domain, retry advice and fix. The failover
 * strategy reads only domain and retry; users see message and fix. Codes are stable: they are
 * never renamed or reused. Keep the groups together and alphabetical.
 */
import type { ErrorCode } from './error-code.ts';
import { external, internal, user } from './error-entry.ts';
import type { ErrorEntry } from './errors.ts';
import { OPERATION_ERRORS } from './operation-errors.ts';
import { STATE_ERRORS } from './state-errors.ts';

export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorEntry>> = {
  // The user's API
  API_INVALID_ARGUMENT: user('{call} cannot take this: {reason}.'),

  // Blobs: the code of jobs between processes
  BLOB_BAD_NAME: user(
    '"{name}" does not name the code of a job.',
    'Code is named by its SHA-256: blob: and 64 hexadecimal digits.',
  ),
  BLOB_CORRUPT: external(
    'The code of the job was damaged {from}: its SHA-256 is {actual} instead of {hash}.',
    'If it comes back, look at the disk or network that it came over; then submit the job again.',
  ),
  BLOB_NOT_FOUND: user(
    'The JobManager does not have the code {hash}.',
    'Code is removed when no job needs it any more: submit the job with its code again.',
  ),
  BLOB_TOO_LARGE: user(
    'The code of the job is larger than {limit}.',
    'Leave data out of the bundle: read it from files in a source, or list large packages in millrace.externals.',
  ),

  ...OPERATION_ERRORS,
  ...STATE_ERRORS,

  // Connectors
  CONNECTOR_COMMIT_FAILED: external(
    '{pending} committables of {operator} could not be committed in {attempts} attempts.',
    'Its log says why. They are committed again after the restart; sink.committer.retries is how often a task tries.',
  ),
  CONNECTOR_BUCKET_INVALID: user(
    'The bucket {bucket} cannot be a folder for files: {reason}.',
    'A bucket is a relative path such as day=2026-11-28/hour=04; the empty text is the folder of the sink.',
  ),
  CONNECTOR_COMPRESSION_UNSUPPORTED: user(
    '{path} is compressed in a way that cannot be read.',
    'Compress it with gzip (.gz), zlib (.deflate) or zstd (.zst), or not at all.',
  ),
  CONNECTOR_FILE_CHANGED: user(
    '{path} became shorter while it was read: it ends at byte {end}, and had {expected} bytes before.',
    'Write files elsewhere and rename them into place when they are complete; never change them after that.',
  ),
  CONNECTOR_FILE_GONE: user(
    '{path} was removed before it was read.',
    'Keep the files until the job has ended.',
  ),
  CONNECTOR_FILE_NOT_FOUND: user('There is no file {path} ({resolved}).{suggestion}'),
  CONNECTOR_FOLDERS_TOO_DEEP: user(
    '{path} lies more than {limit} folders deep.',
    'Does a link in it lead back to a folder above? Name the folders to read by a pattern without `**`.',
  ),
  CONNECTOR_LINE_TOO_LONG: user(
    '{place}: a line has more than {limit} bytes.',
    'Is it a file of lines, and is its compression told by its name (.gz, .zst)?',
  ),
  CONNECTOR_MALFORMED_LINE: user(
    '{place}: {field}{reason}. The line, from byte {offset} on, is: {text}',
    "{advice}Correct the line, or set onError to 'skip' or 'side-output' on the source.",
  ),
  CONNECTOR_NO_FILES: user(
    'No file matches {path}: {reason}.',
    '`*` stands for a part of a name, `**` for any folders.',
  ),
  CONNECTOR_OUTPUT_EXISTS: user(
    '{path} exists already{holding}.',
    "Set onExisting to 'replace' or 'append' on the sink, write elsewhere, or remove it.",
  ),
  CONNECTOR_OUTPUT_LOST: {
    domain: 'external',
    // Whatever is tried again finds the folder as it is.
    retry: 'never',
    message: 'The output {path} cannot be made visible: {reason}.',
    fix: 'Did another program, or another job, change the folder {folder} while the job was running?',
  },
  CONNECTOR_OUTPUT_UNCLAIMED: user(
    '{path}: the checkpoint from which the job goes on holds files that another job was writing, such as {file}.',
    'When that job has ended, start this one with the claim mode CLAIM (execution.state-recovery.claim-mode), or from a savepoint.',
  ),
  CONNECTOR_SINGLE_FILE: user(
    '{parallelism} subtasks cannot write one file, {path}.',
    'Add .setParallelism(1) after sinkTo(...), or leave out singleFile.',
  ),
  CONNECTOR_SINGLE_FILE_CHECKPOINT: user(
    'The one file {path} cannot be written by a job with checkpoints: it would be visible in parts.',
    'Leave out singleFile, so that every checkpoint brings files of its own, or the checkpoints.',
  ),
  CONNECTOR_SOCKET_CLOSED: external(
    'The connection to {address} was lost: {reason}.',
    'Set reconnect on the source to try again.',
  ),
  CONNECTOR_SOCKET_OVERRUN: external(
    '{address} sends faster than the job reads: more than {limit} bytes are waiting.',
    'Let the server send less, raise the parallelism behind the source, or put a log such as Kafka between them.',
  ),

  // Data
  DATA_BAD_HEADER: user('The header of the CSV file cannot be used: {reason}.', '{fix}'),
  DATA_CORRUPT: {
    domain: 'external',
    retry: 'backoff',
    message: 'The bytes of {what} are damaged: {reason}.',
    fix: 'If it comes back, look at the disk or network it came from, and restore an older snapshot.',
  },
  DATA_INVALID_DATE: user('{value} is not a date.', "A date is text like '2001-01-31'."),
  DATA_INVALID_DECIMAL: user(
    '{value} is not a decimal with {scale} digits after the point.',
    "A decimal is text like '12.50'; round before if there are more digits.",
  ),
  DATA_INVALID_KEY: user(
    'A value cannot be a key: {reason}.',
    'Use a string, number, bigint or boolean, or a tuple of them, e.g. keyBy((o) => [o.user, o.day]).',
  ),
  DATA_INVALID_SCHEMA: user('A schema makes no sense: {reason}.'),
  DATA_INVALID_TIMESTAMP: user(
    '{value} is not a timestamp{where}.',
    'A timestamp is a whole number of milliseconds since 1970, a Date or a Temporal.Instant.',
  ),
  DATA_MALFORMED: user(
    'The input does not fit the schema at {field}: {reason}.',
    'Correct the input or the schema, or set onError on the source.',
  ),
  DATA_NOT_COMPARABLE: user(
    'min and max cannot compare {left} with {right}.',
    'Name a field of numbers, bigints or strings.',
  ),
  DATA_NOT_SERIALIZABLE: user(
    'A value at {field} of the edge after "{operator}" cannot be sent to another task: {reason}.',
    "Emit plain data, or declare the stream's schema with .returns(schema).",
  ),
  DATA_NOT_SUMMABLE: user(
    'sum cannot add {left} and {right}.',
    'Name a field of numbers or bigints.',
  ),
  DATA_NOT_WRITABLE: user('A record cannot be written as {format}, at {field}: {reason}.', '{fix}'),
  DATA_NO_TIMESTAMP: user(
    '"{operator}" needs event time, and this record has none: {record}.',
    'Say where the time of the records is: env.from(source, { timestamp: (record) => record.at }), or .assignTimestamps(...) before it.',
  ),

  // The module that holds the job
  JOB_BUNDLER_MISSING: user(
    'A job is bundled with rolldown before it goes to a cluster, and rolldown cannot be loaded: {reason}.',
    'Install it beside the job: npm install --save-dev rolldown@{version}',
  ),
  JOB_BUNDLE_DECORATORS: user(
    '{place}: decorators as the language has them now are not translated, and Node does not run them yet.',
    'Set "experimentalDecorators": true in tsconfig.json if they are those of TypeScript, or compile the job first and submit the JavaScript.',
  ),
  JOB_BUNDLE_FAILED: user('{path} cannot be bundled: {message}'),
  JOB_BUNDLE_INVALID: user(
    'This is not a bundle of a job: {reason}.',
    'Submit the file with `millrace run`, which bundles it.',
  ),
  JOB_BUNDLE_NATIVE: user(
    'The package {name} has native parts ({what}), which cannot be put into the bundle of a job.',
    'Install it on every machine of the cluster, and submit with --externals {name}, or set millrace.externals.',
  ),
  JOB_BUNDLE_TOO_LARGE: user(
    'The bundle of {path} is larger than {limit}; most of it is {parts}.',
    'Read data from files in a source; install large packages on the cluster and submit with --externals NAME.',
  ),
  JOB_ENGINE_MISMATCH: user(
    '{job} was bundled for Millrace {bundled}, and this cluster runs Millrace {running}.',
    'Submit it with Millrace {running}, or bring the cluster to {bundled}.',
  ),
  JOB_EXTERNAL_MISSING: user(
    '{job} needs the package {name}, which is not in its bundle and not installed on {host}.',
    'Install it there, in {folder} or beside Millrace: npm install {name}',
  ),
  JOB_FILE_IS_FOLDER: user('{path} is a folder.', 'Name the file in it that exports the job.'),
  JOB_FILE_NOT_FOUND: user('There is no file {path} (looked at {resolved}).{suggestion}'),
  JOB_MODULE_DEPENDENCY_MISSING: user(
    '{importer} imports "{specifier}", which cannot be found: {reason}.',
    '{advice}',
  ),
  JOB_MODULE_EXPORT_MISSING: user(
    '{place}: "{specifier}" has no export named "{name}".',
    'If it is a type, import it with `import type`.',
  ),
  JOB_MODULE_FAILED: user('{path} threw while it was imported: {message}'),
  JOB_MODULE_NOT_FOUND: user(
    'There is no job module at {path}.',
    'Check the path: it must be a file.',
  ),
  JOB_MODULE_SYNTAX: user('{place}: {message}.'),
  JOB_MODULE_UNSUPPORTED: user(
    '{path} cannot be imported: {message}.',
    'A job is a .ts, .mts, .js or .mjs file.',
  ),
  JOB_MODULE_UNSUPPORTED_TYPESCRIPT: user(
    '{place}: {message}.',
    'Types are taken away, not compiled: use a union of literals for an enum, plain fields for parameter ' +
      'properties, a module for a namespace; or compile the job and run the JavaScript.',
  ),

  // The job's graph
  GRAPH_BUILD_ASYNC: user(
    'The build of job "{job}" returned a promise.',
    'Build must be synchronous: pass what it has to know as parameters.',
  ),
  GRAPH_BUILD_FAILED: user('The build of job "{job}" threw: {message}'),
  GRAPH_BUILD_FORBIDDEN: user(
    'The build of job "{job}" called {call}, whose result would differ from worker to worker.',
    'Call it in the functions of operators, or pass its result as a parameter.',
  ),
  GRAPH_BUILD_OVER: user(
    '{call} was called after the build of job "{job}" had ended.',
    'Call the API inside build only; streams and env must not be kept.',
  ),
  GRAPH_CYCLE: user('The streams of the job form a cycle: {path}.', 'Cycles are not supported.'),
  GRAPH_DUPLICATE_UID: user(
    'Two operators have the uid "{uid}": {first} and {second}.',
    'Give each a uid of its own.',
  ),
  GRAPH_EMPTY: user(
    'The job builds no operators.',
    'Begin with env.from(source) and end with sinkTo(sink).',
  ),
  GRAPH_FORWARD_PARALLELISM: user(
    'Forward joins equal subtasks, but "{source}" runs with parallelism {sourceParallelism} and "{target}" with {targetParallelism}{place}.',
    'Use rebalance() or rescale(), or give both the same parallelism.',
  ),
  GRAPH_FOREIGN_STREAM: user(
    '{call} was given a stream of another job.',
    'Build all of a job from one env.',
  ),
  GRAPH_INVALID_KEY_SCHEMA: user(
    'The key schema of "{operator}" is {kind}, which is no key{place}.',
    'Keys are strings, numbers, bigints, booleans, and tuples of them.',
  ),
  GRAPH_INVALID_SETTING: user('{setting} of "{operator}" cannot be {value}: {reason}{place}.'),
  GRAPH_KEYED_WITHOUT_KEYS: user(
    '"{operator}" keeps state by key, but its input arrives by {partitioner}{place}.',
    'Call keyBy(...) directly before it.',
  ),
  GRAPH_KEY_FAMILIES: user(
    'The two inputs of "{operator}" have keys of different families, {left} and {right}{place}.',
    'Equal keys meet only if both sides have the same type.',
  ),
  GRAPH_MAX_PARALLELISM: user(
    '"{operator}" runs with parallelism {parallelism}, but has only {maxParallelism} key groups{place}.',
    'Lower the parallelism, or raise setMaxParallelism (up to 32768).',
  ),
  GRAPH_NON_DETERMINISTIC: user(
    'Two builds of job "{job}" with the same parameters differ: {differences}.',
    'Build must depend on its parameters only: no clock, randomness, files or counters outside it.',
  ),
  GRAPH_NO_SINK: user(
    'The stream "{operator}" goes nowhere{place}.',
    'End it with sinkTo(...), or remove it.',
  ),
  GRAPH_NO_TIMESTAMPS: user(
    '"{operator}" works by event time, but the records of "{source}" have no timestamps{place}.',
    'Say what their time is: env.from(source, { timestamp: (record) => record.at }), or .assignTimestamps(...) on the way; or let it work by processing time.',
  ),
  GRAPH_SAME_OPERATOR_ID: user(
    'The operators "{first}" and "{second}" got the same identity.',
    'Give one of them a uid("...").',
  ),
  GRAPH_STATE_SCHEMA_MISSING: user(
    '"{operator}" keeps records{side} in state, but nothing says what they look like{place}.',
    'Declare the stream after "{upstream}": .returns(t.struct({ ... })), with the fields of its records.',
  ),
  GRAPH_TYPE_MISMATCH: user('"{operator}" does not fit its input: {reason}{place}.'),
  GRAPH_UID_AMBIGUOUS: user(
    'Two operators are called "{operator}" and read the same{first}{second}: state that outlives a run would be told apart by their order alone.',
    'Give each a uid("...") of its own, or another name.',
  ),
  GRAPH_UID_MISSING: user(
    '"{operator}" has no uid{place}.',
    'Add .uid("..."), or let the engine make one with pipeline.auto-generate-uids.',
  ),
  GRAPH_UNKNOWN_FIELD: user(
    'The records that reach "{operator}" have no field "{field}"{place}.{suggestion}',
    'They have {known}.',
  ),

  // HTTP, as server and as client
  HTTP_ABORTED: external('The other side ended the HTTP message before its end: {reason}.'),
  HTTP_BODY_MALFORMED: user('The body of the HTTP request cannot be read: {reason}.'),
  HTTP_BODY_TOO_LARGE: user('The body of the HTTP message is longer than {limit} bytes.'),
  HTTP_TIMEOUT: external('{address} has not answered within {timeout}.'),

  // Input and output of this machine
  IO_ACCESS_DENIED: external(
    'No permission to {operation} {path}.',
    'Check the owner and mode of the file.',
  ),
  IO_EXISTS: external('{path} exists already.'),
  IO_FAILED: external('Could not {operation} {path}: {reason}.'),
  IO_NOT_FOUND: external('{path} does not exist.'),
  IO_NO_SPACE: external(
    'No space left on the disk to {operation} {path}.',
    'Free some space, or use another folder.',
  ),
  IO_READ_ONLY: external(
    'Could not {operation} {path}: its file system is read-only.',
    'Mount it for writing, or use another folder.',
  ),
  NETWORK_FAILED: external('Could not {operation} {address}: {reason}.'),
  OUTPUT_CLOSED: external('Nobody reads {stream} any more.'),
  FILE_OUTPUT_LOST: {
    domain: 'external',
    // Whatever is tried again finds the place as it is.
    retry: 'never',
    message: 'What was written for {path} is not there any more: {reason}.',
    fix: 'Did another program, or a rule that removes old uploads, change the place while the job was running?',
  },
  FILE_SYSTEM_UNKNOWN: user(
    'There is no file system for {uri}: {scheme} is not known.{suggestion}',
    'Use a path, file:/PATH, or s3://BUCKET/PATH.',
  ),
  FILE_SYSTEM_URI: user('{uri} does not name a file or folder: {reason}.'),
  HA_FILE_INVALID: {
    domain: 'external',
    retry: 'never',
    message: 'The file {path}, which should hold a job or its result, cannot be used: {reason}.',
    fix: 'Move it out of the folder: the job in it is then given up.',
  },
  HA_SUPERSEDED: {
    domain: 'external',
    retry: 'never',
    message: 'Another master has the job {jobId}: this one ends.',
  },
  HA_STORAGE_HELD: user(
    'The folder {folder}, in which this JobManager would keep its jobs, is held by {holder}.',
    'Two JobManagers on one folder would run every job twice: stop that one first, or give this ' +
      'cluster a cluster.id or high-availability.storageDir of its own.',
  ),
  HA_STORAGE_LOST: external(
    'The folder {folder}, in which this JobManager keeps its jobs, is not its own any more: it is held by {holder}.',
    'This process ends, so that no job runs twice. Was the folder removed, or this process halted for seconds on a file system without locks between hosts?',
  ),
  S3_ACCESS_DENIED: external(
    'The object store does not allow to {operation} {path}: {reason}.',
    'Give the access key the rights to list the bucket, and to read, write and delete in it.',
  ),
  S3_BUCKET_NOT_FOUND: external(
    'The bucket of {path} does not exist.',
    'Make it, or look whether s3.endpoint and the region are the right ones.',
  ),
  S3_CREDENTIALS: external(
    'The object store does not accept who wants to {operation} {path}: {reason}.',
    'Set s3.access-key and s3.secret-key, or the credentials of AWS in the environment of every process of the cluster.',
  ),
  S3_FAILED: external('The object store could not {operation} {path}: {reason}.'),
  S3_UNREACHABLE: external(
    'The object store at {address} cannot be reached to {operation} {path}: {reason}.',
    'Check s3.endpoint, and that the store runs.',
  ),
  PROCESS_ENDED: external('The process {name} ended before it was ready: {reason}.'),
  PROCESS_NOT_OURS: user(
    'The process {pid} could not be sent {signal}: {reason}.',
    'Do it as the user who started it.',
  ),
  PROCESS_START_FAILED: external('Could not start a {role} process: {reason}.'),

  // Packages that are installed only where they are needed
  DEPENDENCY_MISSING: external(
    '{what} needs packages that are not installed: {name}.',
    'Run `npm install {name}`.',
  ),

  // The life of a job
  EXECUTION_LOST: external(
    'TaskManager {taskExecutor} does not run {task} any more, and nobody has said why.',
  ),
  JOB_ALREADY_ENDED: user(
    'The job with the id {jobId} was submitted before and has ended.',
    'Ask for its result, or submit it again with a new id.',
  ),
  JOB_ALREADY_SUBMITTED: user(
    'A job with the id {jobId} was submitted already, and it is another one.',
    'Submit again with the same program, or with a new id.',
  ),
  JOB_BUILD_OUT_OF_MEMORY: user(
    'Building the job in {module} needed more than {limit} of memory.',
    'Move data out of the module and out of build(...), into sources and functions.',
  ),
  JOB_BUILD_TIMEOUT: user(
    'Building the job in {module} took longer than {timeout}.',
    'Move long work out of the module and out of build(...) into sources and functions.',
  ),
  JOB_CANCELED: user('Job {jobId} was cancelled.'),
  JOB_COMMIT_FAILED: external(
    'The job has decided to commit its output, but {pending} of {total} tasks could not commit after {attempts} attempts.',
    'Part of the output may be visible. The cause below says what to repair.',
  ),
  JOB_COORDINATOR_DIED: external(
    'The worker that coordinates the sources of the job has died: {reason}.',
  ),
  JOB_EXPORT_AMBIGUOUS: user(
    '{module} exports several jobs: {names}.',
    'Choose one with --job NAME, or make one the default export.',
  ),
  JOB_EXPORT_NOT_A_JOB: user(
    'The export "{name}" of {module} is not a job.',
    'Export what defineJob(...) returns.',
  ),
  JOB_EXPORT_NOT_FOUND: user('{module} has no export "{name}". {suggestion}'),
  JOB_FAILOVER_INDIVIDUAL: user(
    'jobmanager.execution.failover-strategy is "individual", but "{from}" sends records to "{to}": a task that exchanges records cannot restart alone.',
    'Use "region", which restarts what exchanges records and nothing else, or keep operators chained into one task.',
  ),
  JOB_FINGERPRINT_MISMATCH: user(
    '{where} built another graph than the one submitted (fingerprint {actual} instead of {expected}).',
    'build(...) must give the same graph wherever it runs: let it depend on its parameters only.',
  ),
  JOB_NO_EXPORT: user(
    '{module} does not export a job.',
    'Add `export default defineJob({ name: ..., build(env) { ... } })`.',
  ),
  JOB_NOT_FOUND: user(
    'There is no job with the id {jobId}.',
    'Jobs that ended long ago are forgotten.',
  ),

  // The exchange of records between slots
  NETWORK_MEMORY_INSUFFICIENT: user(
    '{where} needs {needed} of network memory for {channels}, and has {available}.',
    'Raise taskmanager.memory.network.max and .min, or taskmanager.memory.network.fraction, or lower taskmanager.memory.segment-size or the parallelism.',
  ),
  PARTITION_PEER_LOST: external('The exchange with slot {peer} was lost: {reason}.'),

  // Between processes of the engine
  RPC_BAD_ADDRESS: user('{address} is not an address.', 'Write host:port, e.g. 127.0.0.1:6123.'),
  RPC_ENDPOINT_CLOSED: internal('{endpoint} has been closed.'),
  RPC_FENCED: internal(
    '{endpoint} refused {method}: the caller speaks for an earlier leader session.',
  ),
  RPC_FRAME_TOO_LARGE: internal(
    'A message of {bytes} bytes is longer than the limit of {limit}.',
    'never',
  ),
  RPC_NO_ENDPOINT: internal('There is no {method} at {endpoint}.'),
  RPC_PROTOCOL: external('The other side broke the protocol: {reason}.'),
  RPC_REFUSED: external('{peer} refused the connection: {reason}.'),
  RPC_SECRET_MISMATCH: user(
    'The connection with {peer} was not made: {reason}.',
    'Give every process of the cluster the same secret, in the file cluster-secret in the folder of the cluster or in the one that millrace.security.secret-file names.',
  ),
  RPC_TIMEOUT: external('{peer} did not answer {endpoint}.{method} within {timeout}.'),
  RPC_UNREACHABLE: external('{peer} cannot be reached: {reason}.'),
  RPC_VERSION_MISMATCH: user(
    '{peer} speaks {theirs} of the protocol, this process {ours}.',
    'Run the same version of millrace everywhere.',
  ),

  // Slots and their workers
  SLOT_MESSAGE_TOO_LARGE: user(
    'Slot {slot} of {taskExecutor} was ended: a message of it ({what}) is longer than the limit: {reason}',
    'Keep small what a sink prepares for its commit, what a source tells its enumerator, and names of counters: name files, for example, instead of holding their content.',
  ),
  SLOT_NOT_ALLOCATED: internal('Slot allocation {allocationId} is not known at {taskExecutor}.'),
  SLOT_OCCUPIED: internal('Slot {slot} of {taskExecutor} is taken by another allocation.'),
  SLOT_OUT_OF_MEMORY: external(
    'Slot {slot} of {taskExecutor} used up its memory of {limit}, for its heap and its buffers.',
    'Keep less in state and in local variables, raise taskmanager.memory.task.heap.size, or raise the parallelism.',
  ),
  SLOT_PREPARE_TIMEOUT: external(
    'Slot {slot} of {taskExecutor} did not load the job within {timeout}.',
  ),
  SLOT_REQUEST_TIMEOUT: external(
    'The job needs {required} slots and got {available} within {timeout}. {reason}',
    'Start more TaskManagers, give them more slots (taskmanager.numberOfTaskSlots), or lower the parallelism.',
  ),
  SLOT_RESOURCES_LACKING: internal(
    'TaskManager {taskExecutor} cannot cut out a slot {asked}: it is not left there.',
  ),
  SLOT_WORKER_DIED: external('The worker of slot {slot} of {taskExecutor} has died: {reason}.'),
  SLOT_WORKER_STUCK: internal(
    'The worker of slot {slot} did not end within {timeout} after it was terminated.',
  ),
  SOURCE_MESSAGE_TOO_LARGE: user(
    'The split enumerator of {source} has a message of {bytes} bytes for a reader; the limit is {limit}.',
    'Assign fewer splits at once, and keep them small: a split says where records are, it does not hold them.',
  ),
  TASK_EXECUTOR_LOST: external('TaskManager {taskExecutor} was lost: {reason}.'),
  TASK_EXECUTOR_UNKNOWN: user(
    'There is no TaskManager {taskExecutor}.',
    'Ask for the list of TaskManagers; one that was started anew has another id.',
  ),
  TASK_EXECUTOR_UNREGISTERED: external(
    'No ResourceManager at {address} has taken this TaskManager within {timeout}.',
    'Start a JobManager there, or correct the address.',
  ),

  // User code
  METRIC_KIND_CONFLICT: user(
    'The metric "{name}" is a {is} already; it cannot be a {wanted} too.',
    'Give one of them another name.',
  ),
  CLIENT_MESSAGE_TOO_LARGE: user(
    'Operator {operator} has a message of {bytes} bytes for the client; the limit is {limit}.',
    'Print or collect less of a record, or write such records to files.',
  ),
  USER_CODE_ASYNC: user(
    'The {role} function of "{operator}" gives a promise, but it is called synchronously.',
    'Use asyncMap(...) for work that must wait.',
  ),
  USER_CODE_BAD_GENERATOR: user(
    'The generator function of the watermark strategy of "{operator}" returned {value}.',
    'It must return a new watermark generator: an object with onEvent, onPeriodicEmit or both.',
  ),
  USER_CODE_BAD_PARTITION: user(
    'The partitioner of "{operator}" chose channel {value}.',
    'It must return a whole number from 0 to {last}.',
  ),
  USER_CODE_BAD_TRIGGER_RESULT: user(
    'The {role} function of the trigger of "{operator}" returned {value}.',
    "It must return 'continue', 'fire', 'purge' or 'fire-and-purge'.",
  ),
  USER_CODE_BAD_WINDOW: user(
    '"{operator}" cannot put a record into a window: {reason}. The record: {record}.',
    'Correct the function: {fix}.',
  ),
  // As in Flink, what a user's function threw may be restarted, where a strategy says so.
  USER_CODE_FAILED: {
    domain: 'user',
    retry: 'backoff',
    message: 'The {role} function of "{operator}" threw: {message}',
  },
  USER_CODE_INVALID_TIMER: user(
    '"{operator}" registered a timer for {value}, which is no point in time.',
    'A timer takes a whole number of milliseconds since 1970, e.g. plus(ctx.timestamp, minutes(5)).',
  ),
  USER_CODE_MUTATION: user(
    'The {role} function of "{operator}" changed a record or accumulator at {field} that others have already.',
    'Records are shared between functions, and accumulators with state and its snapshots: copy before changing, e.g. { ...record, total: 1 } or [...list, value].',
  ),
  USER_CODE_NOT_BOOLEAN: user(
    'The {role} function of "{operator}" returned {type}.',
    'It must return true or false.',
  ),
  USER_CODE_NOT_ITERABLE: user(
    'The {role} function of "{operator}" returned {type}.',
    'It must return an array, a generator or anything else to iterate over; a single value goes through map, or as [value].',
  ),
  USER_CODE_NO_ACCUMULATOR: user(
    'The {role} function of "{operator}" returned nothing.',
    'It must return the accumulator as it is with the record, e.g. (sum, value) => sum + value.',
  ),
  USER_CODE_NO_ON_TIMER: user(
    '"{operator}" registered a timer, but its function has no onTimer that it could call.',
    'Add onTimer(at, ctx) to the function.',
  ),
  USER_CODE_OUTSIDE_CALL: user(
    '{what} of "{operator}" was used outside of the call that it was given to.',
    'Use contexts and state only in the function that got them, before it returns; asynchronous work belongs in asyncMap(...).',
  ),
  USER_CODE_TIMED_OUT: {
    domain: 'user',
    retry: 'backoff',
    message: 'An asynchronous call of "{operator}" had no result after {millis} ms.',
    fix: 'Raise the timeout, add a retry, or give onTimeout a result for such records.',
  },
  USER_CODE_EXIT: {
    domain: 'user',
    retry: 'backoff',
    message: 'Code of the job ended the thread of its slot with process.exit({code}).',
    fix: 'Throw an error to fail the job; a source ends by itself when it has no more records.',
  },
  USER_CODE_UNCAUGHT: {
    domain: 'user',
    retry: 'backoff',
    message:
      'Code of the job threw outside of any call, in a callback or an unawaited promise: {message}',
    fix: 'Await or catch it there; work that waits belongs in asyncMap(...), whose failures name their record.',
  },
  USER_CODE_UNKNOWN_OUTPUT: user(
    '"{operator}" has no side output "{output}".',
    'Declare it in outputs; declared are: {known}.',
  ),
  USER_CODE_UNKNOWN_STATE: user(
    '"{operator}" has no state {state}.',
    'Declare it in state; declared are: {known}.',
  ),
  USER_CODE_WALL_CLOCK: user(
    'A function of the job called {call}, and in a test no time passes but by hand.',
    "Take ctx.processingTime or the record's timestamp, or start the harness with wallClock: 'allowed'.",
  ),

  // The engine itself
  INTERNAL: internal('Internal error: {message}'),
};
