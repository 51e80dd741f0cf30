/**
 * `executeAndCollect`: runs a job from a program and gives back the records of the streams that its
 * build returned. The job runs as any other: its module is loaded by the workers, so it must export
 * the job. How a job is run is handed in (`JobExecution`), because this folder runs nothing.
 *
 * Invariants
 * X1. Only messages of the newest attempt seen of a subtask count, and what earlier ones had sent
 *     up to where it goes on: the rest of theirs is dropped.
 * X2. The messages of a subtask are taken in their order, without gaps; one that comes again, as
 *     after a lost connection to a cluster, is taken once.
 * X3. Records are given back only if every subtask has sent its last message.
 * X4. An attempt goes on behind what the checkpoint holds that it was restored from.
 */
import { assert } from '../base/assert.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { EngineError } from '../base/errors.ts';
import { decodeClientMessage, type CollectMessage } from '../functions/client-message.ts';
import type { CompiledJob, OperatorId } from '../graph/job-graph.ts';
import type { Codec } from '../types/schema.ts';
import { CollectedStream, type BuildResult, type Collected } from './collected-stream.ts';
import { moduleUrlOf } from './declared-at.ts';
import { DataStreamSink } from './data-stream-sink.ts';
import type { Job } from './define-job.ts';
import type { ParameterSpec, ParameterValues } from './parameters.ts';

export interface ExecuteOptions<P extends ParameterSpec = ParameterSpec> {
  readonly params?: ParameterValues<P> | undefined;
  /** Options under Flink's keys, e.g. `{ 'parallelism.default': '4' }`. */
  readonly configuration?: Readonly<Record<string, string>> | undefined;
  /** Under which name the job's module exports it, where it exports several. */
  readonly exportName?: string | undefined;
  /** Cancels the job. */
  readonly signal?: AbortSignal | undefined;
}

/** What is to be run, for whoever can run it. */
export interface ExecutionRequest {
  readonly jobName: string;
  readonly moduleUrl: string;
  readonly exportName: string | undefined;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly configuration: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
  /** A message of a sink's writer, as `sendToClient` got it. */
  onMessage(operator: OperatorId, message: Uint8Array): void;
}

/** Runs a job to its end. @throws EngineError why it failed, or that it was cancelled. */
export type JobExecution = (request: ExecutionRequest) => Promise<void>;

/** Whether parameters may be left out as a whole. */
export type ExecuteArguments<P extends ParameterSpec> =
  {} extends ParameterValues<P>
    ? [options?: ExecuteOptions<P>]
    : [options: ExecuteOptions<P> & { readonly params: ParameterValues<P> }];

/**
 * Runs `job` by `execution`, and gives what its build returned with records in place of streams.
 */
export async function executeAndCollectBy<P extends ParameterSpec, R extends BuildResult>(
  execution: JobExecution,
  job: Job<P, R>,
  options: ExecuteOptions<P> = {},
): Promise<Collected<R>> {
  const parameters = (options.params ?? {}) as Readonly<Record<string, unknown>>;
  const configuration = options.configuration ?? {};
  if (job.declaredAt === undefined) {
    throw new EngineError('API_INVALID_ARGUMENT', {
      call: 'executeAndCollect',
      reason: `it is not known which module job "${job.name}" stands in`,
    });
  }
  const { compiled, result } = job.compileWithResult({ parameters, configuration });
  const streams = streamsOf(result);
  const rows = new Map(streams.map((stream) => [stream, collectedRows(stream, compiled)]));
  const byOperator = new Map([...rows.values()].map((each) => [each.operator, each]));
  await execution({
    jobName: job.name,
    moduleUrl: moduleUrlOf(job.declaredAt),
    exportName: options.exportName,
    parameters: compiled.graph.parameters,
    configuration,
    signal: options.signal,
    onMessage: (operator, bytes) => {
      const message = decodeClientMessage(bytes);
      if (message.kind === 'collect') byOperator.get(operator)?.add(message);
    },
  });
  return collectedOf(result, (stream) => rows.get(stream)!.take()) as Collected<R>;
}

function streamsOf(result: BuildResult): readonly CollectedStream<unknown>[] {
  if (result instanceof CollectedStream) return [result];
  return result === undefined || result instanceof DataStreamSink ? [] : Object.values(result);
}

function collectedOf(
  result: BuildResult,
  take: (stream: CollectedStream<unknown>) => readonly unknown[],
): unknown {
  if (result instanceof CollectedStream) return take(result);
  if (result === undefined || result instanceof DataStreamSink) return undefined;
  return Object.fromEntries(Object.entries(result).map(([name, stream]) => [name, take(stream)]));
}

/** The stream's sink is found in the graph by its spec, which both share. */
function collectedRows(stream: CollectedStream<unknown>, compiled: CompiledJob): CollectedRows {
  const { builder, id } = stream.handle;
  const node = builder.node(id);
  for (const { operators, parallelism } of compiled.graph.vertices) {
    for (const operator of operators) {
      if (node.kind === 'operator' && compiled.operators.get(operator.id)!.spec === node.spec) {
        return new CollectedRows(operator.id, stream.schema.codec, parallelism);
      }
    }
  }
  throw new EngineError('GRAPH_FOREIGN_STREAM', { call: 'executeAndCollect' });
}

interface CollectedSubtask {
  readonly attempt: number;
  /** Records that came before this client did. */
  readonly base: number;
  next: number;
  ended: boolean;
  readonly rows: unknown[];
}

/** X4 */
function continued(
  known: CollectedSubtask | undefined,
  attempt: number,
  from: number,
): CollectedSubtask {
  const base = known?.base ?? from;
  const rows = known?.rows ?? [];
  assert(from - base <= rows.length, 'X4: records of a complete checkpoint have not come');
  return { attempt, base, next: 0, ended: false, rows: rows.slice(0, Math.max(0, from - base)) };
}

/** The records of one collected stream, by subtask and then in order. */
class CollectedRows {
  readonly operator: OperatorId;
  readonly #codec: Codec<unknown>;
  readonly #parallelism: number;
  readonly #subtasks = new Map<number, CollectedSubtask>();

  constructor(operator: OperatorId, codec: Codec<unknown>, parallelism: number) {
    this.operator = operator;
    this.#codec = codec;
    this.#parallelism = parallelism;
  }

  add({ subtask, attempt, sequence, count, last, from, body }: CollectMessage): void {
    const known = this.#subtasks.get(subtask);
    if (known !== undefined && attempt < known.attempt) return;
    const of = known?.attempt === attempt ? known : continued(known, attempt, from);
    this.#subtasks.set(subtask, of);
    if (sequence < of.next) return;
    assert(
      sequence === of.next,
      `X2: message ${sequence} of subtask ${subtask} came in place of ${of.next}`,
    );
    of.next += 1;
    of.ended = last;
    const reader = new ByteReader(body);
    for (let i = 0; i < count; i++) of.rows.push(this.#codec.decode(reader));
  }

  take(): readonly unknown[] {
    const ended = [...this.#subtasks.values()].filter(({ ended: done }) => done).length;
    assert(
      ended === this.#parallelism,
      `X3: ${ended} of ${this.#parallelism} subtasks of ${this.operator} have ended`,
    );
    const subtasks = [...this.#subtasks].sort(([left], [right]) => left - right);
    return subtasks.flatMap(([, { rows }]) => rows);
  }
}
