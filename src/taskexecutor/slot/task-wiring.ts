/**
 * Makes tasks of deployments: operators from the slot's own build of the job, edges as queues
 * inside the slot or channels to other slots. Producers are wired before consumers, so that a
 * consumer finds the queue its producer has made.
 *
 * Invariants
 * Q1. A channel inside the slot is one LocalQueue, made by its producer and taken by its consumer,
 * once.
 */
import { assert } from '../../base/assert.ts';
import { EngineError } from '../../base/errors.ts';
import type { Duration } from '../../base/units.ts';
import type { Clock, Disk, Log, Random } from '../../env/env.ts';
import { needsEventTime } from '../../graph/event-time.ts';
import type { CompiledJob, JobEdge, JobVertex } from '../../graph/job-graph.ts';
import { keyGroupRange } from '../../graph/key-groups.ts';
import { inputSchemaOf, keySchemaOf } from '../../graph/keyed-input.ts';
import { ExchangeVerifier, SharedValues } from '../../network/exchange-verifier.ts';
import type { VerifyMode } from '../../network/exchange-verifier.ts';
import { FramePool } from '../../network/frame-pool.ts';
import type { GateChannel } from '../../network/input-gate.ts';
import { InputGate } from '../../network/input-gate.ts';
import { LocalQueue } from '../../network/local-queue.ts';
import type { NetworkMemory } from '../../network/network-memory.ts';
import type { OutputChannel } from '../../network/output-channel.ts';
import { Pressure } from '../../network/pressure.ts';
import { RecordOrigins } from '../../functions/record-origins.ts';
import type { RecordWriter } from '../../network/record-writer.ts';
import { createRecordWriter } from '../../network/record-writer.ts';
import { RemoteInputChannel } from '../../network/remote-input-channel.ts';
import { RemoteOutputChannel } from '../../network/remote-output-channel.ts';
import { Spill } from '../../network/spill.ts';
import { createOperator } from '../../operators/create-operator.ts';
import { freezingAccumulators } from '../../operators/freezing-accumulators.ts';
import type { ChainMember, ChainOutput } from '../../operators/operator-chain.ts';
import { OperatorChain } from '../../operators/operator-chain.ts';
import type { SinkWiring } from '../../operators/sink-operator.ts';
import { SinkOperator } from '../../operators/sink-operator.ts';
import type { SourceWiring } from '../../operators/source-operator.ts';
import type {
  InputDeployment,
  OutputDeployment,
  SlotLocation,
  TaskDeployment,
} from '../../protocol/task-deployment.ts';
import { HeapKeyedStateBackend } from '../../state/heap/heap-keyed-state-backend.ts';
import type { KeyedStateBackend } from '../../state/keyed-state-backend.ts';
import { OperatorStateBackend } from '../../state/operator-state.ts';
import type { Schema } from '../../types/schema.ts';
import {
  hadFinished,
  overtakableEdge,
  restoreTask,
  taskCheckpoints,
} from './checkpoint/checkpoint-wiring.ts';
import type { CheckpointedTask, SlotCheckpoints } from './checkpoint/checkpoint-wiring.ts';
import type { StatefulOperator } from './checkpoint/operator-states.ts';
import type { TaskCheckpoints } from './checkpoint/task-checkpoints.ts';
import { OperatorMetrics } from './operator-metrics.ts';
import type { PeerLink } from './peer-link.ts';
import { TaskChannels } from './task-channels.ts';
import { Task } from './task.ts';
import type { TaskListener, TaskOptions } from './task-options.ts';
import { functionLogger, operatorContext } from './task-context.ts';

export interface WiringOptions {
  readonly job: CompiledJob;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: Random;
  readonly log: Log;
  readonly verify: VerifyMode | 'off';
  readonly autoWatermarkInterval: Duration;
  readonly memory: NetworkMemory;
  /** Milliseconds for which records may gather; see flush-round.ts. */
  readonly flushTimeout: number;
  isHere(location: SlotLocation): boolean;
  /** Whether it is a slot of this process. */
  isInProcess(location: SlotLocation): boolean;
  /** `reads` says whether this slot consumes from the other. */
  linkTo(location: SlotLocation, reads: boolean): PeerLink;
  listenerOf(deployment: TaskDeployment): TaskListener;
  sourceWiring(
    deployment: TaskDeployment,
    operator: string,
    pressure: Pressure,
    task: () => Task,
  ): SourceWiring;
  sinkWiring(deployment: TaskDeployment, operator: string): SinkWiring;
  /** Undefined: there are none. */
  readonly checkpoints?: SlotCheckpoints | undefined;
}

/** What an operator of a task keeps; restored before the operator is opened. */
export interface WiredOperator extends StatefulOperator {
  readonly name: string;
}

export interface WiredTask {
  readonly deployment: TaskDeployment;
  readonly task: Task;
  /** In the order in which they were opened: from the tail of the chain to its head. */
  readonly operators: readonly WiredOperator[];
  readonly sinks: readonly { readonly operator: string; readonly sink: SinkOperator }[];
  readonly metrics: readonly OperatorMetrics[];
  readonly needsEventTime: boolean;
  readonly channels: TaskChannels;
  readonly checkpoints: TaskCheckpoints | undefined;
}

export class TaskWiring {
  readonly #options: WiringOptions;
  readonly #queues = new Map<number, LocalQueue>();
  readonly #frames = new FramePool();

  constructor(options: WiringOptions) {
    this.#options = options;
  }

  /**
   * Once, before `wire`, with the same deployments.
   * @throws EngineError NETWORK_MEMORY_INSUFFICIENT
   */
  reserve(deployments: readonly TaskDeployment[]): void {
    this.#options.memory.reserve({
      inputs: this.#countRemote(deployments.flatMap(({ inputs }) => inputs)),
      outputs: this.#countRemote(deployments.flatMap(({ outputs }) => outputs)),
    });
  }

  /** `deployments` in any order; the tasks come back with producers first. */
  wire(deployments: readonly TaskDeployment[]): WiredTask[] {
    const order = new Map(this.#options.job.graph.vertices.map(({ id }, index) => [id, index]));
    return deployments
      .toSorted((a, b) => order.get(a.vertex)! - order.get(b.vertex)! || a.subtask - b.subtask)
      .map((deployment) => this.#wireTask(deployment));
  }

  #countRemote(edges: readonly (InputDeployment | OutputDeployment)[]): number {
    const locations = edges.flatMap(({ channels }) => channels.map(({ location }) => location));
    return locations.filter((location) => !this.#options.isHere(location)).length;
  }

  #wireTask(deployment: TaskDeployment): WiredTask {
    const vertex = this.#vertex(deployment);
    const listener = this.#options.listenerOf(deployment);
    const holder: { task?: Task } = {};
    const pressure = new Pressure(() => {
      holder.task?.times.released();
      listener.wake();
    });
    const channels = new TaskChannels(this.#options.memory);
    const writers = this.#writers(deployment, vertex, pressure, channels);
    const gate = this.#gate(deployment, channels, () => listener.wake());
    const members = this.#members({
      deployment,
      vertex,
      writers,
      pressure,
      task: () => holder.task!,
    });
    const chain = new OperatorChain(members, this.#options.verify);
    const metrics = this.#operatorMetrics(deployment, members);
    const committing = hadFinished(deployment) ? [] : committingSinks(members);
    const operators = members.toReversed().map((member) => this.#wiredOperator(member, deployment));
    const stateOf = new Map(operators.map((state) => [state.id, state]));
    const { job, clock, log } = this.#options;
    const { checkpoints, restore } = this.#checkpoints({
      ...{ job, vertex, deployment, clock, log, chain, gate, writers, operators },
      bytesIn: () => channels.bytesIn,
      sinkWiring: (operator) => this.#options.sinkWiring(deployment, operator),
    });
    const task = new Task({
      chain,
      gate,
      checkpoints,
      hadFinished: hadFinished(deployment),
      restore,
      producers: this.#producers(deployment),
      pressure,
      listener,
      flushTimeout: this.#options.flushTimeout,
      clock: this.#options.clock,
      commit: committing.length === 0 ? undefined : () => commitAll(committing),
      locate: (error) => this.#locate(error, deployment, vertex, holder.task),
      contextOf: (member, outputs) => {
        const state = stateOf.get(member.id)!;
        return operatorContext({
          jobName: this.#options.job.graph.name,
          deployment,
          member,
          outputs,
          clock: this.#options.clock,
          log: this.#options.log,
          pressure,
          metrics: metrics.get(member.id)!,
          keyedState: state.keyedState,
          operatorState: state.operatorState,
          task,
        });
      },
    });
    holder.task = task;
    for (const input of channels.remoteInputs) input.start();
    return {
      ...{ deployment, task, operators, sinks: committing },
      metrics: [...metrics.values()],
      needsEventTime: this.#needsEventTime(vertex),
      ...{ channels, checkpoints },
    };
  }

  /** How it takes part in checkpoints, and how it is brought back from one. */
  #checkpoints(task: CheckpointedTask): Pick<TaskOptions, 'restore'> & {
    readonly checkpoints: TaskCheckpoints | undefined;
  } {
    const { checkpoints: slot } = this.#options;
    const { restore } = task.deployment;
    assert(
      slot !== undefined || restore?.kind !== 'state',
      'Q1: state without a checkpoint storage',
    );
    if (slot === undefined) return { checkpoints: undefined };
    return {
      checkpoints: taskCheckpoints(task, slot),
      restore:
        restore?.kind === 'state' ? () => restoreTask(task, restore, slot.storage) : undefined,
    };
  }

  #operatorMetrics(
    deployment: TaskDeployment,
    members: readonly ChainMember[],
  ): ReadonlyMap<string, OperatorMetrics> {
    return new Map(
      members.map(({ id, name }) => {
        const logger = functionLogger(this.#options.log, deployment, name);
        return [id, new OperatorMetrics({ id, name }, logger)];
      }),
    );
  }

  // -------------------------------------------------------------------------------------- outputs

  #writers(
    deployment: TaskDeployment,
    vertex: JobVertex,
    pressure: Pressure,
    made: TaskChannels,
  ): Map<string, RecordWriter> {
    const writers = new Map<string, RecordWriter>();
    for (const output of deployment.outputs) {
      const edge = this.#edge(output.edge);
      const compiled = this.#options.job.edges.get(edge.id)!;
      const operator = vertex.operators[edge.sourceOperator]!.name;
      const channels = output.channels.map(({ channel, location }): OutputChannel => {
        if (this.#options.isHere(location)) {
          const queue = this.#localQueue(channel, compiled.schema, pressure);
          made.outputQueues.push(queue);
          return queue;
        }
        const link = this.#options.linkTo(location, false);
        const remote = new RemoteOutputChannel({
          ...{ channel, sender: link, pressure },
          codec: compiled.schema.codec,
          memory: this.#options.memory,
          flushTimeout: this.#options.flushTimeout,
          scratch: () => this.#options.disk.scratch(),
        });
        link.addOutput(channel, remote);
        made.outputs.push(remote);
        return remote;
      });
      const target = this.#options.job.graph.vertices.find(({ id }) => id === edge.target)!;
      const { verify } = this.#options;
      writers.set(
        edge.id,
        createRecordWriter({
          channels,
          partitioner: compiled.partitioner,
          subtask: deployment.subtask,
          maxParallelism: output.maxParallelism,
          parallelism: target.parallelism,
          operator,
          random: (limit) => this.#options.random.below(limit),
          verifier:
            verify === 'off'
              ? undefined
              : new ExchangeVerifier(compiled.schema.codec, operator, verify),
        }),
      );
    }
    return writers;
  }

  #localQueue(channel: number, schema: Schema<unknown>, pressure: Pressure): LocalQueue {
    assert(!this.#queues.has(channel), 'Q1: two producers on a channel');
    const spill = new Spill(() => this.#options.disk.scratch(), schema.codec);
    const queue = new LocalQueue(pressure, spill, this.#options.flushTimeout);
    this.#queues.set(channel, queue);
    return queue;
  }

  // --------------------------------------------------------------------------------------- inputs

  #gate(deployment: TaskDeployment, made: TaskChannels, wake: () => void): InputGate | undefined {
    if (deployment.inputs.length === 0) return undefined;
    const channels = deployment.inputs.flatMap((input, edge) => {
      const overtakable = overtakableEdge(this.#options.job, this.#edge(input.edge));
      return this.#gateChannels(input, made).map((channel) => ({ ...channel, edge, overtakable }));
    });
    return new InputGate(channels, { clock: this.#options.clock, wake });
  }

  /** In the order of the gate's channels. */
  #producers({ inputs }: TaskDeployment): TaskOptions['producers'] {
    return inputs.flatMap(({ edge, channels }) => {
      const vertex = this.#edge(edge).source;
      return channels.map(({ producer }) => ({ vertex, subtask: producer }));
    });
  }

  #gateChannels(
    input: InputDeployment,
    made: TaskChannels,
  ): Omit<GateChannel, 'edge' | 'overtakable'>[] {
    const edge = this.#edge(input.edge);
    const codec = this.#options.job.edges.get(edge.id)!.schema.codec;
    return input.channels.map(({ channel, location }) => {
      if (this.#options.isHere(location)) {
        const queue = this.#queues.get(channel);
        assert(queue !== undefined, 'Q1: a consumer without its producer');
        this.#queues.delete(channel);
        made.inputQueues.push(queue);
        return { channel: queue, input: edge.targetInput };
      }
      const link = this.#options.linkTo(location, true);
      const remote = new RemoteInputChannel({
        ...{ channel, codec, sender: link },
        memory: this.#options.memory,
        frames: this.#frames,
      });
      link.addInput(channel, remote);
      (this.#options.isInProcess(location) ? made.nearInputs : made.farInputs).push(remote);
      return { channel: remote, input: edge.targetInput };
    });
  }

  // ------------------------------------------------------------------------------------ operators

  #members(parts: {
    readonly deployment: TaskDeployment;
    readonly vertex: JobVertex;
    readonly writers: ReadonlyMap<string, RecordWriter>;
    readonly pressure: Pressure;
    readonly task: () => Task;
  }): ChainMember[] {
    const { deployment, vertex, writers } = parts;
    const { job } = this.#options;
    const edges = job.graph.edges.filter(({ source }) => source === vertex.id);
    const input = inputSchemaOf(job, vertex);
    const origins = this.#originsOf(vertex);
    return vertex.operators.map((operator, index): ChainMember => {
      const outputs: ChainOutput[] = operator.chainedOutputs.map(({ target, tag }) => ({
        tag,
        member: target,
      }));
      for (const edge of edges) {
        if (edge.sourceOperator !== index) continue;
        outputs.push({ tag: edge.tag, writer: writers.get(edge.id)! });
      }
      const { spec } = job.operators.get(operator.id)!;
      const made = createOperator(freezingAccumulators(spec, this.#options.verify), {
        input,
        autoWatermarkInterval: this.#options.autoWatermarkInterval,
        source: {
          ...this.#options.sourceWiring(deployment, operator.id, parts.pressure, parts.task),
          origins,
        },
        sink: { ...this.#options.sinkWiring(deployment, operator.id), origins },
      });
      return { id: operator.id, name: operator.name, operator: made, outputs };
    });
  }

  /** Of what is read and written in the same task. */
  #originsOf({ operators }: JobVertex): RecordOrigins | undefined {
    const kinds = new Set(
      operators.map(({ id }) => this.#options.job.operators.get(id)!.spec.kind),
    );
    return kinds.has('source') && kinds.has('sink') ? new RecordOrigins() : undefined;
  }

  #wiredOperator(member: ChainMember, deployment: TaskDeployment): WiredOperator {
    const { subtask, parallelism } = deployment;
    return {
      id: member.id,
      name: member.name,
      operator: member.operator,
      keyedState: this.#keyedState(member, deployment),
      operatorState: new OperatorStateBackend({ operator: member.name, subtask, parallelism }),
      committables: this.#committables(member, deployment),
    };
  }

  /** What its sink has prepared; of one that had finished nothing is left. */
  #committables(
    { operator }: ChainMember,
    deployment: TaskDeployment,
  ): StatefulOperator['committables'] {
    if (!(operator instanceof SinkOperator) || !operator.hasCommitter) return undefined;
    return hadFinished(deployment) ? undefined : () => operator.committables;
  }

  #needsEventTime({ operators }: JobVertex): boolean {
    return operators.some(({ id }) => needsEventTime(this.#options.job.operators.get(id)!.spec));
  }

  #keyedState(member: ChainMember, deployment: TaskDeployment): KeyedStateBackend | undefined {
    const { verify, job } = this.#options;
    const schema = keySchemaOf(job.operators.get(member.id)!.spec);
    if (schema === undefined) return undefined;
    const accumulators = verify === 'off' ? undefined : new SharedValues(verify);
    return HeapKeyedStateBackend.open({
      operator: member.name,
      keyGroups: keyGroupRange(
        deployment.subtask,
        deployment.maxParallelism,
        deployment.parallelism,
      ),
      maxParallelism: deployment.maxParallelism,
      keySchema: schema.declared,
      processingTime: () => this.#options.clock.now(),
      onAccumulated: accumulators && ((value) => accumulators.take(value)),
    });
  }

  // ---------------------------------------------------------------------------------------- names

  #locate(
    error: EngineError,
    deployment: TaskDeployment,
    vertex: JobVertex,
    task: Task | undefined,
  ): EngineError {
    const named = withOperator(error, vertex);
    const place = task?.source?.place;
    // What a codec refuses may have been emitted a while ago, and gathered since.
    const isLate = named !== error && place !== undefined;
    return named.within({
      job: this.#options.job.graph.name,
      vertex: vertex.name,
      subtask: deployment.subtask,
      record: isLate ? `${place} or before` : place,
      declaredAt: this.#declaredAt(named, vertex),
    });
  }

  /** Of the operator that an error names; a key is selected behind the last one of a chain. */
  #declaredAt({ code, parameters }: EngineError, vertex: JobVertex): string | undefined {
    const operator =
      code === 'DATA_INVALID_KEY'
        ? vertex.operators.at(-1)
        : vertex.operators.find(({ name }) => name === parameters['operator']);
    return operator && this.#options.job.operators.get(operator.id)!.declaredAt;
  }

  #vertex(deployment: TaskDeployment): JobVertex {
    const vertex = this.#options.job.graph.vertices.find(({ id }) => id === deployment.vertex);
    assert(vertex !== undefined, 'a deployment of a vertex that the job does not have');
    return vertex;
  }

  #edge(id: string): JobEdge {
    const edge = this.#options.job.graph.edges.find((candidate) => candidate.id === id);
    assert(edge !== undefined, 'a deployment of an edge that the job does not have');
    return edge;
  }
}

/** A codec knows the field that does not fit, and not whose value it was: the last operator's. */
function withOperator(error: EngineError, vertex: JobVertex): EngineError {
  const { code, parameters, cause, scope } = error;
  if (code !== 'DATA_NOT_SERIALIZABLE' || parameters['operator'] !== undefined) return error;
  const operator = vertex.operators.at(-1)!.name;
  return new EngineError(code, { ...parameters, operator }, { cause, scope });
}

function committingSinks(members: readonly ChainMember[]): WiredTask['sinks'] {
  return members.flatMap(({ id, operator }) =>
    operator instanceof SinkOperator && operator.hasCommitter
      ? [{ operator: id, sink: operator }]
      : [],
  );
}

/** @returns whether all of it is known to be committed: not if they were closed before that. */
async function commitAll(sinks: WiredTask['sinks']): Promise<boolean> {
  for (const { sink } of sinks) {
    if (!(await sink.commit()) || sink.uncommitted.length > 0) return false;
  }
  return true;
}
