/**
 * The fingerprint of a JobGraph: equal exactly if everything is equal that all workers of a job
 * must agree on, which is the whole graph with its parameters but not the configuration of the
 * cluster. `build` must give it twice; where it does not, the difference is named.
 */
import { canonicalJson } from '../base/canonical-json.ts';
import { EngineError } from '../base/errors.ts';
import { murmur128 } from '../base/murmur128.ts';
import type { JobGraph } from './job-graph.ts';

/** 32 hex digits. */
export function fingerprintOf(graph: Omit<JobGraph, 'fingerprint'>): string {
  const { version, name, vertices, edges, parameters, slotResources } = graph;
  const resources = slotResources && { slotResources };
  return murmur128(canonicalJson({ version, name, vertices, edges, parameters, ...resources }));
}

/**
 * Compares two builds of the same job with the same parameters.
 * @throws EngineError GRAPH_NON_DETERMINISTIC with what differs.
 */
export function requireSameGraph(first: JobGraph, second: JobGraph): void {
  if (first.fingerprint === second.fingerprint) return;
  throw new EngineError('GRAPH_NON_DETERMINISTIC', {
    job: first.name,
    differences: graphDifferences(first, second).join('; '),
  });
}

const DIFFERENCES_MAX = 3;

/** The first few differences, each as `vertices[2].name: "a", then "b"`. */
function graphDifferences(first: JobGraph, second: JobGraph): readonly string[] {
  const found: string[] = [];
  const { fingerprint: _first, configuration: _one, ...left } = first;
  const { fingerprint: _second, configuration: _two, ...right } = second;
  compare(left, right, '', found);
  return found;
}

function compare(left: unknown, right: unknown, path: string, found: string[]): void {
  if (found.length >= DIFFERENCES_MAX || Object.is(left, right)) return;
  if (!isContainer(left) || !isContainer(right) || Array.isArray(left) !== Array.isArray(right)) {
    found.push(`${path}: ${show(left)}, then ${show(right)}`);
    return;
  }
  if (Array.isArray(left) && Array.isArray(right) && left.length !== right.length) {
    found.push(`${path}: ${left.length} of them, then ${right.length}`);
  }
  for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const below = Array.isArray(left) ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`;
    compare(left[name], right[name], below, found);
  }
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

const SHOWN_MAX = 80;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text;
}
