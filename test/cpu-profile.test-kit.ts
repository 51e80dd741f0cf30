// What Chrome DevTools and speedscope take for a CPU profile, checked as their importers read it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  /** From 0. */
  readonly lineNumber: number;
}

interface Node {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly hitCount?: number;
  readonly children?: readonly number[];
  readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[];
}

interface Profile {
  readonly nodes: readonly Node[];
  readonly startTime: number;
  readonly endTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Fails unless both would open it. */
export function readCpuProfile(path: string): Profile {
  const profile = JSON.parse(readFileSync(path, 'utf8')) as Profile;
  const { nodes, samples, timeDeltas, startTime, endTime } = profile;
  assert.ok(Number.isFinite(startTime) && endTime > startTime, 'it covers some time');
  assert.ok(samples.length > 0, 'it has samples');
  assert.equal(timeDeltas.length, samples.length, 'a time for each sample');
  const byId = new Map(nodes.map((node) => [node.id, node]));
  assert.equal(byId.size, nodes.length, 'ids are unique');
  for (const id of samples) assert.ok(byId.has(id), `sample of the unknown node ${id}`);
  const parents = new Map<number, number>();
  for (const { id, callFrame, children = [], positionTicks = [] } of nodes) {
    assert.equal(typeof callFrame.functionName, 'string');
    assert.equal(typeof callFrame.url, 'string');
    assert.ok(Number.isInteger(callFrame.lineNumber));
    for (const { line, ticks } of positionTicks) assert.ok(line >= 1 && ticks >= 1);
    for (const child of children) {
      assert.ok(byId.has(child), `node ${id} has the unknown child ${child}`);
      assert.ok(!parents.has(child), `node ${child} has two parents`);
      parents.set(child, id);
    }
  }
  const roots = nodes.filter(({ id }) => !parents.has(id));
  assert.deepEqual(
    roots.map(({ callFrame }) => callFrame.functionName),
    ['(root)'],
  );
  return profile;
}

/** How many samples a function has itself, by `NAME FILE:LINE` with the line from 1. */
export function samplesByFunction({ nodes, samples }: Profile): ReadonlyMap<string, number> {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
      id,
      `${functionName} ${url}:${lineNumber + 1}`,
    ]),
  );
  const counts = new Map<string, number>();
  for (const id of samples) counts.set(names.get(id)!, (counts.get(names.get(id)!) ?? 0) + 1);
  return counts;
}
