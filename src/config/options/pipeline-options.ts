/** How a job is translated and run, where its program does not say. */
import { milliseconds, type Duration } from '../../base/units.ts';
import { boolean, choice, duration, integer, option, optional, text, textList } from '../option.ts';
import type { ConfigOption } from '../option.ts';

/** Flink's upper bound of a job's key groups. */
export const MAX_PARALLELISM_LIMIT = 32_768;

interface PipelineOptions {
  readonly name: ConfigOption<string | undefined>;
  readonly parallelism: ConfigOption<number>;
  readonly maxParallelism: ConfigOption<number>;
  readonly operatorChaining: ConfigOption<boolean>;
  readonly autoGenerateUids: ConfigOption<boolean>;
  readonly autoWatermarkInterval: ConfigOption<Duration>;
  readonly externals: ConfigOption<readonly string[]>;
  readonly exchangeVerify: ConfigOption<'off' | 'sample' | 'all'>;
}

export const PipelineOptions: PipelineOptions = {
  name: optional('pipeline.name', text, 'The name of the job, in place of that in its definition.'),
  parallelism: option(
    'parallelism.default',
    integer(1, MAX_PARALLELISM_LIMIT),
    1,
    'Parallel subtasks of an operator for which the job says nothing.',
  ),
  maxParallelism: option(
    'pipeline.max-parallelism',
    integer(-1, MAX_PARALLELISM_LIMIT),
    -1,
    'Key groups of an operator for which the job says nothing: the bound of its parallelism for the life of its state. -1 derives it from the parallelism.',
  ),
  operatorChaining: option(
    'pipeline.operator-chaining.enabled',
    boolean,
    true,
    'Whether operators joined one to one run as one task.',
    ['pipeline.operator-chaining'],
  ),
  autoGenerateUids: option(
    'pipeline.auto-generate-uids',
    boolean,
    true,
    'Whether an operator may go without a uid; its identity is then the path of names that leads to it.',
  ),
  autoWatermarkInterval: option(
    'pipeline.auto-watermark-interval',
    duration,
    milliseconds(200),
    'How often watermarks are sent that follow the greatest timestamp, or that a generator makes from time to time. 0 sends none of them.',
  ),
  externals: option(
    'millrace.externals',
    textList,
    [],
    'Packages that are left out of the bundle of a job, because they are installed on the machines of the cluster: those with native parts.',
  ),
  exchangeVerify: option(
    'millrace.exchange.verify',
    choice(['off', 'sample', 'all']),
    'off',
    'Which records of an edge between two chains are frozen and sent through their codec even where they stay in one thread: none, the first 1,000 and then one in 1,024, or all. `millrace run` uses `sample`.',
  ),
};
