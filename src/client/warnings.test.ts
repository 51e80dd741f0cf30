// The closing warnings: which counters bring them, for which operator, in which words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VertexDetails } from '../protocol/job-report.ts';
import { warningsOf, withoutEffectOnJob } from './warnings.ts';

const operators = [
  { id: 'a', name: 'hourly' },
  { id: 'b', name: 'per ten' },
];
const vertices = [{ operators } as unknown as VertexDetails];
const details = { vertices, failingCheckpoints: undefined };

test('counters of trouble bring a warning by operator, others and zeroes none', () => {
  const warnings = warningsOf(
    {
      accumulators: [
        { operator: 'a', name: 'numLateRecordsDropped', value: 1 },
        { operator: 'b', name: 'numLateRecordsDropped', value: 0 },
        { operator: 'b', name: 'numElementsUnfired', value: 7 },
        { operator: 'x', name: 'numElementsUnfired', value: 1 },
        { operator: 'a', name: 'numElementsDroppedUnfired', value: 2 },
        { operator: 'a', name: 'malformedLines', value: 1 },
        { operator: 'x', name: 'malformedLines', value: 2 },
        { operator: 'a', name: 'constructor', value: 9 },
      ],
    },
    details,
  );
  assert.deepEqual(
    warnings.map(({ counter, operator, count }) => [counter, operator, count]),
    [
      ['malformedLines', undefined, 3],
      ['numLateRecordsDropped', 'hourly', 1],
      ['numElementsUnfired', 'per ten', 7],
      ['numElementsUnfired', 'x', 1],
      ['numElementsDroppedUnfired', 'hourly', 2],
    ],
  );
  assert.deepEqual(
    warnings.map(({ message }) => message.split('. ')[0]!.split(':')[0]!),
    [
      '3 lines of the input could not be parsed and went where onError says.',
      '1 record came too late for "hourly" and was dropped',
      '7 elements were left in windows of "per ten" when the input ended',
      '1 element was left in windows of "x" when the input ended',
      '2 elements of windows of "hourly" were dropped when the windows were over, because their trigger had never fired',
    ],
  );
  assert.deepEqual(warningsOf({ accumulators: [] }, details), []);
});

test('options of the cluster that are typed for a job are named, others are not', () => {
  const typed = ['taskmanager.numberOfTaskSlots=8', 'heartbeat.interval=1s'];
  const idle = [...typed, 'high-availability.type=NONE', 'metrics.reporters=prom'];
  const used = ['task.cancellation.timeout=5s', 'jobmanager.rpc.address=a', 'cluster.id=c'];
  const ofJobs = ['parallelism.default=2', 'slot.request.timeout=1s', 'rest.port=1'];
  const warnings = withoutEffectOnJob([...idle, ...used, ...ofJobs]);
  assert.deepEqual(
    warnings.map(({ option }) => option),
    idle.map((each) => each.split('=')[0]),
  );
  assert.match(warnings[0]!.message, /^-D taskmanager\.numberOfTaskSlots is an option of the cl/);
});

test('secrets, which do not go with a job, are named, except those of the connection', () => {
  const typed = ['s3.access-key=a', 's3.secret-key=b', 's3.endpoint=c'];
  const ofConnections = ['millrace.security.secret-file=d', 'security.ssl.rest.key-password=e'];
  const warnings = withoutEffectOnJob([...typed, ...ofConnections]);
  assert.deepEqual(
    warnings.map(({ option }) => option),
    ['s3.access-key', 's3.secret-key'],
  );
  assert.match(warnings[0]!.message, /secret.* not sent .*config\.yaml of the cluster/);
  assert.doesNotMatch(warnings[0]!.message, /=a/);
});

test('checkpoints that fail are told of with the reason of the last one', () => {
  const failing = { count: 3, message: 'The disk is full.\nmore of it' };
  const [warning] = warningsOf({ accumulators: [] }, { vertices, failingCheckpoints: failing });
  assert.deepEqual([warning!.counter, warning!.count], ['failingCheckpoints', 3]);
  assert.match(warning!.message, /^3 checkpoints in a row failed, .* The disk is full\.$/);
});
