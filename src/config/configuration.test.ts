// Reading options: defaults, precedence, older keys, the three ways in which a key can be wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import { Configuration } from './configuration.ts';
import { isFlinkKey } from './flink-keys.ts';
import { UNSUPPORTED } from './unsupported.ts';
import { OPTIONS } from './options.ts';
import { ClusterOptions } from './options/cluster-options.ts';
import { NetworkOptions } from './options/network-options.ts';
import { PipelineOptions } from './options/pipeline-options.ts';
import { RestartStrategyOptions } from './options/restart-strategy-options.ts';
import { TaskManagerOptions } from './options/task-manager-options.ts';
import { originText } from './origin.ts';
import { shownValue } from './secrets.ts';

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
  assert.equal(configuration.get(NetworkOptions.bufferTimeout), 100);
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

test('among the names of an option that are given together the current one wins', () => {
  const type = 'restart-strategy.type';
  for (const values of [
    { [type]: 'failure-rate', 'restart-strategy': 'fixed-delay' },
    { 'restart-strategy': 'fixed-delay', [type]: 'failure-rate' },
  ]) {
    const [entry, ...more] = Configuration.parse(values).entries();
    assert.deepEqual([entry!.text, entry!.writtenAs, more], ['failure-rate', type, []]);
  }
  const [entry] = Configuration.parse({ [type]: 'none' })
    .with({ 'restart-strategy': 'fixed-delay' })
    .entries();
  assert.deepEqual([entry!.option.key, entry!.writtenAs], [type, 'restart-strategy']);
});

test('every value knows where it was set', () => {
  const file = { kind: 'file', file: 'config.yaml', line: 3, column: 1 } as const;
  const flag = { kind: 'command-line', option: '-D' } as const;
  const configuration = Configuration.parse({ 'heartbeat.interval': '1 s' }, file)
    .with({ 'parallelism.default': '2', 'heartbeat.timeout': '9 s' }, (key) =>
      key === 'heartbeat.timeout' ? file : flag,
    )
    .overriddenBy(Configuration.parse({ 'heartbeat.interval': '2 s' }));
  const origins = [
    configuration.origin(ClusterOptions.heartbeatInterval),
    configuration.origin(ClusterOptions.heartbeatTimeout),
    configuration.origin(PipelineOptions.parallelism),
    configuration.origin(PipelineOptions.maxParallelism),
  ];
  assert.deepEqual(origins, [{ kind: 'program' }, file, flag, { kind: 'default' }]);
  assert.deepEqual(origins.map(originText), ['the program', 'config.yaml:3:1', '-D', 'default']);
  assert.equal(configuration.get(ClusterOptions.heartbeatInterval), 2000);
});

test('secrets are known by their keys, as in Flink', () => {
  for (const key of [
    'security.ssl.rest.key-password',
    'fs.azure.account.key',
    'metrics.reporter.a.http-headers',
    'my.Token',
  ]) {
    assert.equal(shownValue(key, 'abc'), '******', key);
  }
  for (const key of ['parallelism.default', 'security.ssl.internal.keystore']) {
    assert.equal(shownValue(key, 'abc'), 'abc');
  }
});

test('a wrong key or value is named with its fix', () => {
  assert.equal(
    failure({ 'paralelism.default': '2' }),
    'CONFIG_UNKNOWN_OPTION: There is no option paralelism.default. Did you mean "parallelism.default"?',
  );
  assert.match(failure({ 'classloader.resolve-order': 'x' }), /^CONFIG_UNSUPPORTED_OPTION: /);
  assert.match(failure({ 'pipeline.object-reuse': 'true' }), /immutable/);
  assert.match(failure({ 'env.java.opts.all': '-ea' }), /There is no JVM/);
  assert.match(failure({ 'traces.reporter.a.b': '1' }), /^CONFIG_UNSUPPORTED_OPTION: /);
  assert.equal(
    failure({ 'parallelism.default': '0' }),
    'CONFIG_INVALID_VALUE: The option parallelism.default cannot be "0".',
  );
  assert.match(failure({ 'millrace.exchange.verify': 'some' }), /^CONFIG_INVALID_VALUE/);
  assert.match(failure({ constructor: 'x', __proto__: 'x' }), /^CONFIG_UNKNOWN_OPTION/);
});

test('keys that have no meaning here are refused with the reason, those of older versions too', () => {
  for (const [keys, reason] of UNSUPPORTED) {
    const key = keys.replace('*', 'zzzzzzzzzzzz.zzzzzzzzzzzzzz');
    const said = `${key} is an option of Flink that Millrace does not have. ${reason}`;
    assert.equal(failure({ [key]: '1' }), `CONFIG_UNSUPPORTED_OPTION: ${said}`);
  }
  for (const key of [
    ...['python.executable', 'taskmanager.heap.size', 'jobmanager.heap.size'],
    ...['state.backend.rocksdb.localdir', 'security.ssl.enabled'],
    ...['taskmanager.network.memory.buffers-per-channel', 'sql-gateway.endpoint.rest.address'],
  ]) {
    assert.match(failure({ [key]: '1' }), /^CONFIG_UNSUPPORTED_OPTION: .* have\. ./, key);
  }
  assert.match(
    failure({ 'security.ssl.internal.enable': 'true' }),
    /^CONFIG_UNKNOWN_OPTION: .*"security.ssl.internal.enabled"/,
  );
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
