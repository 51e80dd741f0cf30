// Profiles of bundles: names, files and lines become those of the sources; the rest stays.
import assert from 'node:assert/strict';
import { SourceMap } from 'node:module';
import { describe, test } from 'node:test';
import { atSources } from './profile-sources.ts';
import type { CpuProfile, ProfileNode } from './profile-sources.ts';

// Line 2 of the bundle is line 5 of the source, line 3 is line 6.
const MAP = new SourceMap({
  file: 'bundle.mjs',
  version: 3,
  sources: ['job:///src/orders.ts'],
  sourcesContent: ['\n\n\n\nfunction price(n: number) {\n  return n;\n}\n'],
  names: [],
  mappings: ';AAIA,SAAS;CACP,OAAO',
  sourceRoot: '',
});

const BUNDLE = 'file:///cluster/blobs/a.mjs';

function node(id: number, functionName: string, url: string, line: number): ProfileNode {
  return {
    id,
    callFrame: { functionName, scriptId: '1', url, lineNumber: line, columnNumber: 9 },
    hitCount: 3,
    children: [],
    positionTicks: [
      { line: line + 1, ticks: 1 },
      { line: line + 2, ticks: 2 },
    ],
  };
}

function profileOf(...nodes: readonly ProfileNode[]): CpuProfile {
  return { nodes, startTime: 1, endTime: 9, samples: [1, 1, 1], timeDeltas: [2, 2, 2] };
}

describe('a CPU profile at its sources', () => {
  test('a function of a bundle is where it was written', () => {
    const profile = profileOf(node(1, 'price', BUNDLE, 1));
    const [mapped] = atSources(profile, (url) => (url === BUNDLE ? MAP : undefined)).nodes;
    assert.deepEqual(mapped!.callFrame, {
      functionName: 'price',
      scriptId: '1',
      url: 'job:///src/orders.ts',
      lineNumber: 4,
      columnNumber: 9,
    });
    assert.deepEqual(mapped!.positionTicks, [
      { line: 5, ticks: 1 },
      { line: 6, ticks: 2 },
    ]);
    assert.equal(mapped!.hitCount, 3);
  });

  test('a number that the bundler has added to a name is taken away, one that was written is not', () => {
    const named = (name: string): string =>
      atSources(profileOf(node(1, name, BUNDLE, 1)), () => MAP).nodes[0]!.callFrame.functionName;
    assert.equal(named('price$1'), 'price');
    assert.equal(named('price$x'), 'price$x');
    const written = new SourceMap({
      ...MAP.payload,
      sourcesContent: ['\n\n\n\nfunction price$1(n: number) {\n  return n;\n}\n'],
    });
    const kept = atSources(profileOf(node(1, 'price$1', BUNDLE, 1)), () => written);
    assert.equal(kept.nodes[0]!.callFrame.functionName, 'price$1');
  });

  test('what has no map stays as it is, and so does the order of all', () => {
    const nodes = [
      node(1, '(root)', '', -1),
      node(2, 'run', 'file:///engine/src/slot-loop.ts', 40),
      node(3, 'price', BUNDLE, 1),
    ];
    const mapped = atSources(profileOf(...nodes), (url) => (url === BUNDLE ? MAP : undefined));
    assert.deepEqual(mapped.nodes.slice(0, 2), nodes.slice(0, 2));
    assert.deepEqual(mapped.samples, [1, 1, 1]);
    assert.deepEqual([mapped.startTime, mapped.endTime], [1, 9]);
  });

  test('a map is looked for once for each file', () => {
    let asked = 0;
    const nodes = [1, 2, 3].map((id) => node(id, 'price', BUNDLE, 1));
    atSources(profileOf(...nodes), () => {
      asked += 1;
      return MAP;
    });
    assert.equal(asked, 1);
  });
});
