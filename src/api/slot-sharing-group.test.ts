import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discard } from '../connectors/discard/discard.ts';
import { slotSharingGroups, slotsRequired } from '../graph/slot-sharing.ts';
import { compile, failure } from './compile.test-kit.ts';
import { readSlotSharingGroup, type SlotSharingGroup } from './slot-sharing-group.ts';

const MODEL = { name: 'model', cpu: 2, taskHeapMemory: '2 gb' } as const;

test('a group may say what its slots must have; operators inherit it with the group', () => {
  const { graph } = compile(
    (env) => {
      env
        .sequence(1, 9)
        .map((n) => n)
        .slotSharingGroup(MODEL)
        .map((n) => n)
        .sinkTo(discard());
    },
    { 'parallelism.default': '3' },
  );
  const resources = {
    ...{ cpuCores: 2, taskHeapBytes: 2 ** 31, taskOffHeapBytes: 0, managedBytes: 0 },
  };
  assert.deepEqual(slotSharingGroups(graph), [
    { name: 'default', slots: 3 },
    { name: 'model', slots: 3, resources },
  ]);
  assert.equal(slotsRequired(graph), 6);
});

test('the resources are part of the fingerprint, and a graph without any is as it was', () => {
  const fingerprint = (group: string | SlotSharingGroup): string =>
    compile((env) => {
      env.sequence(1, 9).slotSharingGroup(group).sinkTo(discard());
    }).graph.fingerprint;
  const plain = fingerprint('model');
  assert.equal(fingerprint({ name: 'model' }), plain);
  const prints = [plain, fingerprint(MODEL), fingerprint({ ...MODEL, cpu: 1 })];
  assert.equal(new Set(prints).size, 3);
});

test('one group has the same resources wherever it is named', () => {
  const twice = (second: string | SlotSharingGroup) => () =>
    compile((env) => {
      env
        .sequence(1, 9)
        .slotSharingGroup(MODEL)
        .map((n) => n)
        .name('second')
        .slotSharingGroup(second)
        .sinkTo(discard());
    });
  twice('model')();
  twice({ ...MODEL, taskHeapMemory: 2 ** 31 })();
  const error = failure('GRAPH_INVALID_SETTING', twice({ ...MODEL, cpu: 3 }));
  assert.match(error.message, /same resources wherever it is named/);
  assert.match(error.message, /"second"/);
});

test('wrong resources are refused with what they should be', () => {
  const cases: readonly (readonly [SlotSharingGroup, RegExp])[] = [
    [{ name: '' }, /not empty/],
    [{ name: 'g', cpu: 1 }, /both cpu and taskHeapMemory, or neither/],
    [{ name: 'g', managedMemory: '1 gb' }, /both cpu and taskHeapMemory, or neither/],
    [{ ...MODEL, cpu: 0 }, /cpu is a number above 0, not 0/],
    [{ ...MODEL, cpu: Number.NaN }, /not NaN/],
    [{ ...MODEL, taskHeapMemory: 0 }, /taskHeapMemory is a size/],
    [{ ...MODEL, taskHeapMemory: 'much' }, /not much/],
    [{ ...MODEL, managedMemory: -1 }, /managedMemory is a size/],
  ];
  for (const [group, expected] of cases) {
    const error = failure('API_INVALID_ARGUMENT', () => readSlotSharingGroup(group));
    assert.match(error.message, expected);
  }
});
