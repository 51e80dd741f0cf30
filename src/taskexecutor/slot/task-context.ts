/**
 * What an operator of a task is given: names, outputs, state, time and its way back to the task.
 */
import type { FunctionLogger, OpenContext } from '../../functions/function-context.ts';
import type { Clock, Log } from '../../env/env.ts';
import { assert } from '../../base/assert.ts';
import type { Duration, Timestamp } from '../../base/units.ts';
import type { Pressure } from '../../network/pressure.ts';
import type { ChainMember, MemberOutputs } from '../../operators/operator-chain.ts';
import type { DeferrableEvent, Operator, OperatorContext } from '../../operators/operator.ts';
import type { TaskDeployment } from '../../protocol/task-deployment.ts';
import type { KeyedStateBackend } from '../../state/keyed-state-backend.ts';
import type { OperatorStateBackend } from '../../state/operator-state.ts';
import type { OperatorMetrics } from './operator-metrics.ts';

export interface TaskContextOptions {
  readonly jobName: string;
  readonly deployment: TaskDeployment;
  readonly member: ChainMember;
  readonly outputs: MemberOutputs;
  readonly clock: Clock;
  readonly log: Log;
  readonly pressure: Pressure;
  readonly metrics: OperatorMetrics;
  readonly keyedState: KeyedStateBackend | undefined;
  readonly operatorState: OperatorStateBackend;
  readonly task: {
    readonly times: { activeTime(): Duration };
    wakeAt(operator: Operator, at: Timestamp): void;
    mail(mail: () => void): void;
    fail(error: unknown): void;
    forward(event: DeferrableEvent): void;
  };
}

export function openContext(
  options: Pick<TaskContextOptions, 'jobName' | 'deployment' | 'log' | 'metrics'>,
  operatorName: string,
): OpenContext {
  const { deployment } = options;
  return {
    jobName: options.jobName,
    operatorName,
    subtask: deployment.subtask,
    parallelism: deployment.parallelism,
    maxParallelism: deployment.maxParallelism,
    attempt: deployment.attempt,
    logger: functionLogger(options.log, deployment, operatorName),
    metrics: options.metrics.group,
  };
}

export function operatorContext(options: TaskContextOptions): OperatorContext {
  const { clock, pressure, task, keyedState } = options;
  return {
    open: openContext(options, options.member.name),
    operatorId: options.member.id,
    output: options.outputs.main,
    sideOutput: (tag) => options.outputs.side(tag),
    rowOutput: (routeRow) => options.outputs.rows(routeRow),
    processingTime: () => clock.now(),
    watermark: () => options.outputs.watermark(),
    emitWatermark: (timestamp) => options.outputs.emitWatermark(timestamp),
    emitStatus: (status) => options.outputs.emitStatus(status),
    activeTime: () => task.times.activeTime(),
    wakeAt: (at) => task.wakeAt(options.member.operator, at),
    get isHeld(): boolean {
      return pressure.isHeld;
    },
    isRead: (tag) => options.outputs.isRead(tag),
    get keyedState(): KeyedStateBackend {
      assert(keyedState !== undefined, 'keyed state of an operator without keys');
      return keyedState;
    },
    operatorState: options.operatorState,
    mail: (mail) => task.mail(mail),
    hold: () => pressure.hold(),
    release: () => pressure.release(),
    fail: (error) => task.fail(error),
    after: (delay: Duration, callback) => clock.after(delay, () => task.mail(callback)),
    forward: (event) => task.forward(event),
  };
}

/** Every line names the task, as Flink does, and the operator. */
export function functionLogger(
  log: Log,
  { name, vertex, subtask, parallelism }: TaskDeployment,
  operator: string,
): FunctionLogger {
  const task = `${name ?? vertex} (${subtask + 1}/${parallelism})`;
  const scoped = log.with({ task, operator, subtask });
  return {
    debug: (message) => scoped.write('debug', message),
    info: (message) => scoped.write('info', message),
    warn: (message) => scoped.write('warn', message),
    error: (message) => scoped.write('error', message),
  };
}
