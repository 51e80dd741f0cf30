/** Finds the operators of a job by what tests call them. */
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError } from '../base/errors.ts';
import type { ChainedOperator, JobGraph, JobVertex } from '../graph/job-graph.ts';

export interface FoundOperator {
  readonly operator: ChainedOperator;
  readonly vertex: JobVertex;
}

/** All operators of a job for which `wanted` holds, producers first. */
export function operatorsOf(
  graph: JobGraph,
  wanted: (operator: ChainedOperator) => boolean = () => true,
): readonly FoundOperator[] {
  return graph.vertices.flatMap((vertex) =>
    vertex.operators.filter(wanted).map((operator) => ({ operator, vertex })),
  );
}

/**
 * By uid, else by name; a source or sink also without the `Source: ` or `Sink: ` before its name,
 * and what `print` and `collect` write to by their label.
 * @throws EngineError API_INVALID_ARGUMENT if there is none, or more than one.
 */
export function findOperator(
  among: readonly FoundOperator[],
  name: string,
  call: string,
): FoundOperator {
  const byUid = among.find(({ operator }) => operator.uid === name);
  if (byUid !== undefined) return byUid;
  const found = among.filter(({ operator }) => namesOf(operator).includes(name));
  if (found.length === 1) return found[0]!;
  const known = [...new Set(among.map(({ operator }) => shownName(operator)))];
  const reason =
    found.length > 1
      ? `${found.length} of them are called "${name}"; tell them apart by a uid`
      : `the job has none called "${name}".${didYouMean(name, known)} It has ` +
        (known.length === 0 ? 'none at all' : known.map((each) => `"${each}"`).join(', '));
  throw new EngineError('API_INVALID_ARGUMENT', { call, reason });
}

/** The name of the operator that an operator reads; of all, if there are several. */
export function producerOf({ operator, vertex }: FoundOperator, graph: JobGraph): string {
  const index = vertex.operators.indexOf(operator);
  const chained = vertex.operators.filter(({ chainedOutputs }) =>
    chainedOutputs.some(({ target }) => target === index),
  );
  const before = graph.edges.flatMap(({ source, sourceOperator, target }) =>
    index === 0 && target === vertex.id
      ? [graph.vertices.find(({ id }) => id === source)!.operators[sourceOperator]!]
      : [],
  );
  return [...chained, ...before].map(({ name }) => name).join('" or "');
}

/** The shortest name by which an operator can be asked for. */
export function shownName({ uid, name, kind }: ChainedOperator): string {
  return uid ?? (kind === 'source' || kind === 'sink' ? shortName(name) : name);
}

function namesOf({ name }: ChainedOperator): readonly string[] {
  const short = shortName(name);
  const label = /^(?:print|collect)\((.*)\)$/.exec(short)?.[1];
  return [...new Set([name, short, label ?? short])];
}

function shortName(name: string): string {
  return name.replace(/^(?:Source|Sink): /, '');
}
