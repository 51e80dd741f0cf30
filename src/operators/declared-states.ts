/**
 * What the operators of a job declare to keep, known without running any of it: each is opened as
 * a subtask would open it, over empty state of its own, but for the functions of users, whose
 * `open` is not called, and for sources and sinks, which would reach out into the world. So what is
 * told is what will be registered; states that a function makes up later are not in it.
 */
import { assert } from '../base/assert.ts';
import type { Duration, Timestamp } from '../base/units.ts';
import type { StateMigration } from '../functions/state.ts';
import type { Counter, MetricGroup } from '../functions/metric-group.ts';
import type {
  ChainedOperator,
  CompiledJob,
  JobGraph,
  JobVertex,
  OperatorStates,
  TakenStates,
} from '../graph/job-graph.ts';
import { inputSchemaOf, keySchemaOf } from '../graph/keyed-input.ts';
import type { OperatorKind, OperatorSpec } from '../graph/operator-spec.ts';
import { MIN_WATERMARK } from '../network/control-element.ts';
import { HeapKeyedStateBackend } from '../state/heap/heap-keyed-state-backend.ts';
import type { KeyedStateBackend } from '../state/keyed-state-backend.ts';
import { OperatorStateBackend } from '../state/operator-state.ts';
import type { SchemaDescription } from '../types/schema-description.ts';
import type { Schema } from '../types/schema.ts';
import { createOperator } from './create-operator.ts';
import type { OperatorContext } from './operator.ts';
import { SourceState } from './source-state.ts';
import { declareWriterState } from './sink-operator.ts';
import { StoredWatermark } from './stored-watermark.ts';

/** Which have nothing in which they could keep anything. */
const STATELESS: readonly OperatorKind[] = ['map', 'flatMap', 'filter', 'coMap', 'coFlatMap'];

/**
 * The job's graph, in which every operator tells what it keeps. The fingerprint stays as it is.
 * @throws EngineError what `open` of an operator throws, e.g. STATE_INCOMPATIBLE
 */
export async function graphWithStates(job: CompiledJob): Promise<JobGraph> {
  const vertices: JobVertex[] = [];
  for (const vertex of job.graph.vertices) {
    const input = inputSchemaOf(job, vertex);
    const operators: ChainedOperator[] = [];
    for (const operator of vertex.operators) {
      const { spec, declaredAt } = job.operators.get(operator.id)!;
      const declared = await declaredStates(spec, operator, input);
      operators.push({ ...operator, states: { ...declared, declaredAt } });
    }
    vertices.push({ ...vertex, operators });
  }
  return { ...job.graph, vertices };
}

async function declaredStates(
  spec: OperatorSpec,
  { id, name }: ChainedOperator,
  input: Schema<unknown> | undefined,
): Promise<Omit<OperatorStates, 'declaredAt'>> {
  const key = keySchemaOf(spec);
  const keyed =
    key &&
    HeapKeyedStateBackend.open({
      operator: name,
      keyGroups: { first: 0, last: 0 },
      maxParallelism: 1,
      keySchema: key.declared,
      processingTime: () => 0,
    });
  const lists = new OperatorStateBackend({ operator: name, subtask: 0, parallelism: 1 });
  await declare(spec, new DeclaringContext({ id, name, keyed, lists }), input);
  return {
    keyed: keyed?.declared ?? [],
    key: key?.declared?.description,
    operator: lists.declared,
    ...otherMigrations(spec),
    takes: takenBy(spec),
  };
}

/** Of what is no state of a subtask. */
function otherMigrations(
  spec: OperatorSpec,
): Pick<OperatorStates, 'enumeratorMigrations' | 'committableMigrations'> {
  const sourcesOf = (
    all: readonly StateMigration<unknown>[] | undefined,
  ): readonly SchemaDescription[] | undefined => all?.map(({ from }) => from.description);
  if (spec.kind === 'source') {
    return { enumeratorMigrations: sourcesOf(spec.source.migrations?.enumeratorState) };
  }
  if (spec.kind !== 'sink') return {};
  return { committableMigrations: sourcesOf(spec.sink.migrations?.committable) };
}

function takenBy(spec: OperatorSpec): TakenStates {
  return {
    keyed: keySchemaOf(spec) !== undefined,
    lists: !STATELESS.includes(spec.kind),
    committables: spec.kind === 'sink' && spec.sink.createCommitter !== undefined,
    enumerator: spec.kind === 'source',
  };
}

/** Has the operator register what it keeps. */
async function declare(
  spec: OperatorSpec,
  context: DeclaringContext,
  input: Schema<unknown> | undefined,
): Promise<unknown> {
  switch (spec.kind) {
    case 'map':
    case 'flatMap':
    case 'filter':
    case 'coMap':
    case 'coFlatMap':
      return undefined;
    case 'assignTimestamps':
      return new StoredWatermark(context);
    case 'source':
      return new SourceState(context.operatorState, spec.source);
    case 'sink':
      return declareWriterState(spec.sink, context.operatorState);
    default: {
      const unused = undefined as never;
      const wiring = { input, autoWatermarkInterval: 0 as Duration, source: unused, sink: unused };
      return createOperator(withoutOpen(spec), wiring).open(context);
    }
  }
}

/** The same with functions of users that have no `open`. */
function withoutOpen(spec: OperatorSpec): OperatorSpec {
  switch (spec.kind) {
    case 'intervalJoin':
      if (spec.pairs.kind === 'inner') return spec;
      return { ...spec, pairs: { ...spec.pairs, function: unopened(spec.pairs.function) } };
    case 'windowJoin': {
      const { result } = spec;
      if (!('function' in result)) return spec;
      return { ...spec, result: { ...result, function: unopened<any>(result.function) } };
    }
    default:
      if (!('function' in spec) || spec.function === undefined) return spec;
      return { ...spec, function: unopened<any>(spec.function) };
  }
}

/** All else is asked of the function itself: it may have private fields. */
function unopened<F extends object>(fn: F): F {
  return new Proxy(fn, {
    get: (target, name) =>
      name === 'open' ? undefined : (Reflect.get(target, name, target) as unknown),
  });
}

const NO_COUNTER: Counter = {
  count: 0,
  increment: () => undefined,
  decrement: () => undefined,
};
const NO_METRICS: MetricGroup = {
  counter: () => NO_COUNTER,
  gauge: () => undefined,
  meter: () => ({ count: 0, mark: () => undefined }),
  histogram: () => ({ count: 0, update: () => undefined }),
  group: () => NO_METRICS,
};
const nothing = (): void => undefined;
const NOBODY = { process: nothing };

interface DeclaringOptions {
  readonly id: string;
  readonly name: string;
  readonly keyed: KeyedStateBackend | undefined;
  readonly lists: OperatorStateBackend;
}

/** In which an operator opens, and nothing else happens. */
class DeclaringContext implements OperatorContext {
  readonly open: OperatorContext['open'];
  readonly operatorId: string;
  readonly operatorState: OperatorStateBackend;
  readonly output: OperatorContext['output'] = NOBODY;
  readonly isHeld: boolean = false;
  readonly emitWatermark: () => void = nothing;
  readonly emitStatus: () => void = nothing;
  readonly wakeAt: () => void = nothing;
  readonly mail: () => void = nothing;
  readonly hold: () => void = nothing;
  readonly release: () => void = nothing;
  readonly forward: () => void = nothing;
  readonly #keyed: KeyedStateBackend | undefined;

  constructor({ id, name, keyed, lists }: DeclaringOptions) {
    this.operatorId = id;
    this.operatorState = lists;
    this.#keyed = keyed;
    this.open = {
      jobName: '',
      operatorName: name,
      ...{ subtask: 0, parallelism: 1, maxParallelism: 1, attempt: 1 },
      logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
      metrics: NO_METRICS,
    };
  }

  get keyedState(): KeyedStateBackend {
    assert(this.#keyed !== undefined, 'keyed state of an operator without keys');
    return this.#keyed;
  }

  sideOutput(): OperatorContext['output'] {
    return NOBODY;
  }

  rowOutput(): never {
    assert(false, 'rows leave no operator that only declares');
  }

  isRead(): boolean {
    return false;
  }

  processingTime(): Timestamp {
    return 0 as Timestamp;
  }

  watermark(): number {
    return MIN_WATERMARK;
  }

  activeTime(): Duration {
    return 0 as Duration;
  }

  fail(error: unknown): never {
    throw error;
  }

  after(): Disposable {
    return { [Symbol.dispose]: nothing };
  }
}
