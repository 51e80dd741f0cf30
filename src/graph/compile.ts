/** From what `build` left to a CompiledJob, with the job's configuration applied. */
import { EngineError } from '../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import { CheckpointingOptions } from '../config/options/checkpointing-options.ts';
import { PipelineOptions } from '../config/options/pipeline-options.ts';
import { createJobGraph } from './create-job-graph.ts';
import type { CompiledJob, SlotResources } from './job-graph.ts';
import { requireStableIdentity } from './stable-identity.ts';
import { createStreamGraph } from './stream-graph.ts';
import type { Transformation } from './transformation.ts';

export interface Program {
  readonly name: string;
  readonly transformations: readonly Transformation[];
  /** As JSON. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly configuration: Configuration;
  readonly slotResources: ReadonlyMap<string, SlotResources>;
}

/** @throws EngineError GRAPH_* */
export function compileProgram(program: Program): CompiledJob {
  const { configuration } = program;
  const stream = createStreamGraph(program.transformations, {
    parallelism: configuration.get(PipelineOptions.parallelism),
    maxParallelism: maxParallelismOf(configuration),
    autoGenerateUids: configuration.get(PipelineOptions.autoGenerateUids),
  });
  if ((configuration.get(CheckpointingOptions.interval) ?? 0) > 0) requireStableIdentity(stream);
  return createJobGraph(stream, {
    name: configuration.get(PipelineOptions.name) ?? program.name,
    chaining: configuration.get(PipelineOptions.operatorChaining),
    parameters: program.parameters,
    configuration: configuration.toRecord(),
    slotResources: program.slotResources,
  });
}

/** -1 is Flink's way of saying that the job decides; 0 means nothing. */
function maxParallelismOf(configuration: Configuration): number | undefined {
  const value = configuration.get(PipelineOptions.maxParallelism);
  if (value === -1) return undefined;
  if (value >= 1) return value;
  throw new EngineError('CONFIG_INVALID_VALUE', {
    key: PipelineOptions.maxParallelism.key,
    value: String(value),
    expected: 'at least 1, or -1',
  });
}
