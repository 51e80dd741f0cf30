// Reading options: defaults, precedence, older keys, the three ways in which a key can be wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import { Configuration, parseAssignment, slotHeapBytes } from './configuration.ts';
import { isFlinkKey } from './flink-keys.ts';
import {
  ClusterOptions,
  OPTIONS,
  PipelineOptions,
  RestartStrategyOptions,
  TaskManagerOptions,
} from './options.ts';

function failure(values: Readonly<Record<string, string>>): string {
  try {
    Configuration.parse(values);
  } catch (error) {
    assert.ok(isEngineError(error));
    return `${error.code}: ${error.message}`;
  }
  return 'nothing';
}

test('defaults are those of Flink 2.3', () => {
  const configuration = Configuration.empty;
  assert.equal(configuration.get(PipelineOptions.parallelism), 1);
  assert.equal(configuration.get(PipelineOptions.maxParallelism), -1);
  assert.equal(configuration.get(PipelineOptions.bufferTimeout), 100);
  assert.equal(configuration.get(ClusterOptions.heartbeatTimeout), 50_000);
  assert.equal(configuration.get(TaskManagerOptions.cancellationTimeout), 180_000);
  assert.equal(configuration.get(RestartStrategyOptions.exponentialMultiplier), 1.5);
  assert.equal(configuration.get(PipelineOptions.name), undefined);
});

test('what is given later wins, older keys are read under the current one', () => {
  const first = Configuration.parse({
    'restart-strategy': 'FixedDelay',
    'heartbeat.interval': '1 s',
  });
  assert.equal(first.get(RestartStrategyOptions.type), 'fixed-delay');
  const second = first.with({ 'restart-strategy.type': 'none' });
  assert.equal(second.get(RestartStrategyOptions.type), 'none');
  assert.equal(second.get(ClusterOptions.heartbeatInterval), 1000);
  assert.equal(first.get(RestartStrategyOptions.type), 'fixed-delay');
  assert.deepEqual(second.toRecord(), {
    'heartbeat.interval': '1 s',
    'restart-strategy.type': 'none',
  });
});

test('a wrong key or value is named with its fix', () => {
  assert.equal(
    failure({ 'paralelism.default': '2' }),
    'CONFIG_UNKNOWN_OPTION: There is no option paralelism.default. Did you mean "parallelism.default"?',
  );
  assert.match(failure({ 'classloader.resolve-order': 'x' }), /^CONFIG_UNSUPPORTED_OPTION: /);
  assert.match(failure({ 'pipeline.object-reuse': 'true' }), /immutable/);
  assert.match(failure({ 'metrics.reporter.prom.port': '1' }), /^CONFIG_UNSUPPORTED_OPTION: /);
  assert.equal(
    failure({ 'parallelism.default': '0' }),
    'CONFIG_INVALID_VALUE: The option parallelism.default cannot be "0".',
  );
  assert.match(failure({ 'millrace.exchange.verify': 'some' }), /^CONFIG_INVALID_VALUE/);
  assert.match(failure({ constructor: 'x', __proto__: 'x' }), /^CONFIG_UNKNOWN_OPTION/);
});

test('every option but our own is one of Flink, and every default is written as it is read', () => {
  for (const option of OPTIONS.values()) {
    assert.equal(isFlinkKey(option.key), !option.key.startsWith('millrace.'), option.key);
    if (option.defaultValue !== undefined) {
      const text = option.type.format(option.defaultValue as never);
      assert.deepEqual(option.type.parse(text), option.defaultValue, option.key);
    }
  }
});

test('the heap of a slot', () => {
  assert.equal(slotHeapBytes(Configuration.empty), 1024 ** 3);
  const shared = Configuration.parse({
    'taskmanager.memory.task.heap.size': '1g',
    'taskmanager.numberOfTaskSlots': '4',
  });
  assert.equal(slotHeapBytes(shared), 256 * 1024 ** 2);
});

test('-D key=value', () => {
  assert.deepEqual(parseAssignment('a.b=c=d'), ['a.b', 'c=d']);
  for (const wrong of ['', 'a', '=b']) assert.throws(() => parseAssignment(wrong), /does not set/);
});
