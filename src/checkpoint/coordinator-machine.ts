/**
 * When the checkpoints of a job are taken, and what becomes of each: a pure machine with the rules
 * of Flink's CheckpointCoordinator.
 *
 * C1. Ids ascend, and none is used twice.
 * C2. A checkpoint is complete when all its participants have acknowledged it and it is durable;
 *     only then is it notified. Each that began is completed or aborted, once.
 * C3. At most one is being triggered at a time, and at most `maxConcurrent` are pending.
 * C4. The clock wants the next one not before `interval` after it wanted the last, and not before
 *     `minPause` after the last one ended. What somebody asks for comes before that, savepoints
 *     first.
 * C5. A complete checkpoint subsumes older pending ones, savepoints left out.
 * C6. A checkpoint ends with the run of any task that takes part, unless all have acknowledged it;
 *     one whose participants have all acknowledged it goes on whatever happens to them.
 * C7. More than `tolerableFailures` failures in a row fail the job. What ends without anybody's
 *     fault (subsumed, tasks that ended or restarted, savepoints) does not count.
 * C8. A plain savepoint is nobody's base and is not notified: the job does not go on from it, so
 *     nothing may be committed with it. One that stops the job is.
 * C9. After a savepoint that stops the job nothing is triggered until it has failed.
 * C10. An acknowledgement that nobody waits for is discarded, with all that it names.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { CheckpointOptions } from '../protocol/checkpoint.ts';
import { abort, abortAll, CoordinatorDraft } from './coordinator-draft.ts';
import { planCheckpoint } from './checkpoint-plan.ts';
import type { CheckpointConfig } from './checkpoint-config.ts';
import type { PlanRefusal, TaskStanding, TaskTopology } from './checkpoint-plan.ts';
import type {
  CheckpointRequest,
  CoordinatorEffect,
  CoordinatorEvent,
  CoordinatorInput,
  CoordinatorState,
  PendingCheckpoint,
} from './coordinator-state.ts';

/** As in Flink. */
const QUEUE_MAX = 1000;

type Event<K extends CoordinatorEvent['kind']> = Extract<CoordinatorEvent, { kind: K }>;

export function initialCoordinator(
  config: CheckpointConfig,
  topology: TaskTopology,
  firstId: number,
): CoordinatorState {
  return {
    ...{ config, topology, nextId: firstId },
    tasks: topology.producers.map(() => 'absent'),
    pending: [],
    queue: [],
    nextPeriodicAt: undefined,
    lastEndAt: undefined,
    latestComplete: 0,
    failures: 0,
    fullUntilComplete: false,
    stopping: false,
  };
}

/** When the machine wants a `tick`; undefined: not before something happens. */
export function nextTickOf({
  config,
  pending,
  nextPeriodicAt,
  lastEndAt,
}: CoordinatorState): Duration | undefined {
  const times = pending.flatMap(({ phase, beganAt }) =>
    phase === 'completing' ? [] : [beganAt + config.timeout],
  );
  if (nextPeriodicAt !== undefined && mayBegin(config, pending)) {
    times.push(Math.max(nextPeriodicAt, lastEndAt === undefined ? 0 : lastEndAt + config.minPause));
  }
  return times.length === 0 ? undefined : milliseconds(Math.min(...times));
}

export function stepCoordinator(
  state: CoordinatorState,
  event: CoordinatorEvent,
  input: CoordinatorInput,
): readonly [CoordinatorState, readonly CoordinatorEffect[]] {
  const draft = new CoordinatorDraft(state, input);
  handle(draft, event);
  expire(draft);
  advance(draft);
  return [draft.state, draft.effects];
}

function handle(draft: CoordinatorDraft, event: CoordinatorEvent): void {
  switch (event.kind) {
    case 'restored':
      return restored(draft, event);
    case 'tasks':
      return tasksChanged(draft, event.tasks);
    case 'request':
      return request(draft, event.request);
    case 'tick':
      return;
    case 'prepared':
      return prepared(draft, event);
    case 'sources-snapshot':
      return trigger(draft, event);
    case 'acknowledged':
      return acknowledged(draft, event);
    case 'declined':
      return declined(draft, event.checkpointId, event.error);
    case 'completed':
      return completed(draft, event.checkpointId);
    case 'completion-failed':
      return completionFailed(draft, event);
    case 'ended':
      return ended(draft);
  }
}

function restored(draft: CoordinatorDraft, { checkpointId, full }: Event<'restored'>): void {
  const { state } = draft;
  state.latestComplete = checkpointId;
  state.nextId = Math.max(state.nextId, checkpointId + 1);
  state.fullUntilComplete = full;
  // C9: whatever was to stop the job, it runs again.
  state.stopping = false;
}

/** C6. */
function tasksChanged(draft: CoordinatorDraft, tasks: readonly TaskStanding[]): void {
  const before = draft.state.tasks;
  draft.state.tasks = tasks;
  for (const pending of draft.state.pending) {
    if (pending.phase === 'completing') continue;
    if (tasks.includes('absent')) {
      const reason = 'a task that takes part in it does not run any more';
      abort(draft, pending, { error: abortError(pending, reason), counts: false });
      continue;
    }
    const left = pending.plan.participants.some(
      (index) => tasks[index] !== before[index] && !pending.acknowledged.has(index),
    );
    if (!left) continue;
    const reason = 'a task that takes part in it came to its end';
    abort(draft, pending, { error: abortError(pending, reason), counts: false });
  }
  if (tasks.includes('absent')) {
    draft.state.stopping = false;
    for (const { requestId } of draft.state.queue) draft.refuse(requestId, notRunning());
    draft.state.queue = [];
  }
}

function request(draft: CoordinatorDraft, wanted: CheckpointRequest): void {
  const { state } = draft;
  const plan = planCheckpoint(state.topology, state.tasks, state.config.afterTasksFinish);
  if (typeof plan === 'string') {
    draft.refuse(wanted.requestId, refusalOf(plan));
  } else if (state.stopping) {
    draft.refuse(wanted.requestId, new EngineError('CHECKPOINT_JOB_STOPS', {}));
  } else if (state.queue.length >= QUEUE_MAX) {
    draft.refuse(wanted.requestId, new EngineError('CHECKPOINT_QUEUE_FULL', { limit: QUEUE_MAX }));
  } else {
    const rank = ({ savepoint }: CheckpointRequest): number => (savepoint === undefined ? 1 : 0);
    const at = state.queue.findIndex((other) => rank(other) > rank(wanted));
    state.queue = at < 0 ? [...state.queue, wanted] : state.queue.toSpliced(at, 0, wanted);
    if (wanted.savepoint?.stop !== undefined) state.stopping = true;
  }
}

/** C4, C9. What can begin begins. */
function advance(draft: CoordinatorDraft): void {
  const { state, input } = draft;
  const plan = planCheckpoint(state.topology, state.tasks, state.config.afterTasksFinish);
  const { interval, minPause } = state.config;
  if (typeof plan === 'string' || interval === undefined || state.stopping) {
    state.nextPeriodicAt = undefined;
  } else if (state.nextPeriodicAt === undefined) {
    // Jobs that start together do not write together.
    const delay = minPause + input.draw * (interval - minPause);
    state.nextPeriodicAt = milliseconds(input.now + delay);
  }
  if (typeof plan === 'string' || !mayBegin(state.config, state.pending)) return;
  const [first, ...rest] = state.queue;
  if (first !== undefined) {
    state.queue = rest;
    begin(draft, first);
    return;
  }
  const { nextPeriodicAt, lastEndAt } = state;
  if (nextPeriodicAt === undefined || input.now < nextPeriodicAt) return;
  if (lastEndAt !== undefined && input.now < lastEndAt + minPause) return;
  // What was missed is not made up for.
  const missed = Math.floor((input.now - nextPeriodicAt) / interval!);
  state.nextPeriodicAt = milliseconds(nextPeriodicAt + (missed + 1) * interval!);
  begin(draft, { requestId: 0, full: false, savepoint: undefined });
}

/** C3. */
function mayBegin(config: CheckpointConfig, pending: readonly PendingCheckpoint[]): boolean {
  const isTriggering = pending.some(({ phase }) => phase === 'preparing' || phase === 'sources');
  return !isTriggering && pending.length < config.maxConcurrent;
}

function begin(draft: CoordinatorDraft, wanted: CheckpointRequest): void {
  const { state, input } = draft;
  const pending: PendingCheckpoint = {
    checkpointId: state.nextId++,
    request: wanted,
    triggeredAt: input.wall,
    beganAt: input.now,
    phase: 'preparing',
    location: '',
    latestComplete: state.latestComplete,
    full: wanted.full || wanted.savepoint !== undefined || state.fullUntilComplete,
    plan: { trigger: [], participants: [] },
    sources: [],
    acknowledged: new Map(),
  };
  state.pending = [...state.pending, pending];
  draft.effects.push({ kind: 'prepare', pending });
}

function prepared(draft: CoordinatorDraft, { checkpointId, location }: Event<'prepared'>): void {
  const pending = draft.find(checkpointId);
  if (pending === undefined) return;
  assert(pending.phase === 'preparing', 'C2: a checkpoint is prepared once');
  draft.change({ ...pending, phase: 'sources', location });
  draft.effects.push({ kind: 'snapshot-sources', checkpointId });
}

function trigger(draft: CoordinatorDraft, event: Event<'sources-snapshot'>): void {
  const pending = draft.find(event.checkpointId);
  if (pending === undefined) return;
  assert(pending.phase === 'sources', 'C2: the enumerators answer once');
  const { state } = draft;
  const plan = planCheckpoint(state.topology, state.tasks, state.config.afterTasksFinish);
  if (typeof plan === 'string') {
    abort(draft, pending, { error: refusalOf(plan), counts: false });
    return;
  }
  const { latestComplete } = state;
  const { sources } = event;
  const asked: PendingCheckpoint = {
    ...{ ...pending, phase: 'acknowledging', plan, sources, latestComplete },
  };
  draft.change(asked);
  const { checkpointId, triggeredAt } = asked;
  const options = optionsOf(state.config, asked);
  const triggered = { checkpointId, triggeredAt, latestComplete, options };
  draft.effects.push({ kind: 'trigger', pending: asked, trigger: triggered });
}

function optionsOf(
  { mode, unaligned, alignedTimeout }: CheckpointConfig,
  { request: { savepoint }, location, full }: PendingCheckpoint,
): CheckpointOptions {
  const overtakes = savepoint === undefined && unaligned;
  const atOnce = overtakes && alignedTimeout === 0;
  const exactly = atOnce ? ('unaligned' as const) : ('aligned' as const);
  return {
    purpose: savepoint === undefined ? 'checkpoint' : 'savepoint',
    alignment: mode === 'at-least-once' ? mode : exactly,
    alignedTimeout: overtakes && !atOnce ? alignedTimeout : undefined,
    format: savepoint?.format,
    location,
    stop: savepoint?.stop,
    full,
  };
}

function acknowledged(draft: CoordinatorDraft, event: Event<'acknowledged'>): void {
  const { checkpointId, execution, snapshot, metrics } = event;
  const pending = draft.find(checkpointId);
  const awaited =
    pending?.phase === 'acknowledging' &&
    pending.plan.participants.includes(execution) &&
    !pending.acknowledged.has(execution);
  if (pending === undefined || !awaited) {
    // C10
    draft.effects.push({ kind: 'discard', snapshot });
    return;
  }
  const acknowledgement = { snapshot, metrics, at: draft.input.wall };
  const known = new Map([...pending.acknowledged, [execution, acknowledgement]]);
  const isLast = known.size === pending.plan.participants.length;
  const changed: PendingCheckpoint = {
    ...{ ...pending, acknowledged: known },
    phase: isLast ? 'completing' : 'acknowledging',
  };
  draft.change(changed);
  draft.effects.push({ kind: 'acknowledged', pending: changed });
  if (isLast) draft.effects.push({ kind: 'complete', pending: changed });
}

function declined(draft: CoordinatorDraft, checkpointId: number, error: EngineError): void {
  const pending = draft.find(checkpointId);
  if (pending === undefined || pending.phase === 'completing') return;
  abort(draft, pending, { error, counts: true });
}

/** C5, C8. */
function completed(draft: CoordinatorDraft, checkpointId: number): void {
  const pending = draft.find(checkpointId);
  assert(pending?.phase === 'completing', 'C2: what is not being completed is complete');
  const { state, input } = draft;
  state.pending = state.pending.filter((each) => each !== pending);
  state.lastEndAt = input.now;
  draft.effects.push({ kind: 'completed', pending });
  const { savepoint } = pending.request;
  if (savepoint !== undefined && savepoint.stop === undefined) return;
  state.failures = 0;
  state.latestComplete = Math.max(state.latestComplete, checkpointId);
  state.fullUntilComplete = false;
  for (const older of state.pending) {
    const kept = older.request.savepoint !== undefined || older.phase === 'completing';
    if (older.checkpointId > checkpointId || kept) continue;
    const reason = `checkpoint ${checkpointId} was complete before it`;
    abort(draft, older, { error: abortError(older, reason), counts: false });
  }
  const { latestComplete } = state;
  const notice = { checkpointId, outcome: 'complete' as const, latestComplete };
  draft.effects.push({ kind: 'notify', notice });
}

/** C5: one that is subsumed has failed nobody. */
function completionFailed(
  draft: CoordinatorDraft,
  { checkpointId, error, isSubsumed = false }: Event<'completion-failed'>,
): void {
  const pending = draft.find(checkpointId);
  assert(pending?.phase === 'completing', 'C2: what is not being completed has failed to');
  abort(draft, pending, { error, counts: !isSubsumed });
}

function expire(draft: CoordinatorDraft): void {
  const { config, pending } = draft.state;
  for (const each of pending) {
    if (each.phase === 'completing' || draft.input.now < each.beganAt + config.timeout) continue;
    const missing = each.plan.participants.length - each.acknowledged.size;
    const parameters = {
      checkpointId: each.checkpointId,
      timeout: `${config.timeout} ms`,
      missing,
    };
    abort(draft, each, { error: new EngineError('CHECKPOINT_EXPIRED', parameters), counts: true });
  }
}

function ended(draft: CoordinatorDraft): void {
  abortAll(draft, (pending) => ({
    error: abortError(pending, 'the job has ended'),
    counts: false,
  }));
  for (const { requestId } of draft.state.queue) draft.refuse(requestId, notRunning());
  draft.state.queue = [];
  draft.state.tasks = draft.state.tasks.map(() => 'absent');
}

function abortError({ checkpointId }: PendingCheckpoint, reason: string): EngineError {
  return new EngineError('CHECKPOINT_ABORTED', { checkpointId, reason });
}

function refusalOf(refusal: PlanRefusal): EngineError {
  return refusal === 'not-running'
    ? notRunning()
    : new EngineError('CHECKPOINT_TASKS_FINISHED', {});
}

function notRunning(): EngineError {
  return new EngineError('CHECKPOINT_TASKS_NOT_RUNNING', {});
}
