// Reporters against what they report to: a page as Prometheus scrapes it, and a collector that
// takes OTLP over HTTP.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { milliseconds, seconds } from '../base/units.ts';
import { Configuration } from '../config/configuration.ts';
import type { HttpListener } from '../env/http.ts';
import type { Log, LogLevel } from '../env/env.ts';
import { nodeHttpClient } from '../env/node/http-client.ts';
import { nodeHttpServer } from '../env/node/http-server.ts';
import { nodeClock } from '../env/node/clock.ts';
import type { MetricScope, ScopedMetrics } from '../metrics/metric.ts';
import { MetricReporters } from './metric-reporters.ts';

const OPERATOR: MetricScope = {
  kind: 'operator',
  ...{ host: 'h1', taskManagerId: 'tm-1', jobId: 'j1', jobName: 'orders "EU"' },
  ...{ vertexId: 'v1', taskName: 'Source -> Map', subtask: 1, attempt: 0 },
  ...{ operatorId: 'o1', operatorName: 'Map' },
};

const SCOPES: readonly ScopedMetrics[] = [
  {
    scope: OPERATOR,
    metrics: [
      { kind: 'counter', name: 'rejected', value: 3 },
      { kind: 'meter', name: 'orders', value: 120, rate: 4 },
      {
        kind: 'gauge',
        name: 'topic.eu.lag',
        logicalName: 'topic.lag',
        labels: { topic: 'eu' },
        value: 7,
      },
      { kind: 'gauge', name: 'currentInputWatermark', value: '1795241637903' },
      { kind: 'gauge', name: 'state', value: 'connected' },
    ],
  },
  {
    scope: { kind: 'taskmanager', host: 'h1', taskManagerId: 'tm-1' },
    metrics: [{ kind: 'gauge', name: 'Status.JVM.CPU.Load', value: 0.25 }],
  },
];

const LABELS =
  'host="h1",tm_id="tm-1",job_id="j1",job_name="orders \\"EU\\"",task_id="v1",' +
  'task_name="Source -> Map",subtask_index="1",task_attempt_num="0",operator_id="o1",operator_name="Map"';

function recordingLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const log: Log = {
    write: (level: LogLevel, message) => void lines.push(`${level}: ${message}`),
    with: () => log,
  };
  return { log, lines };
}

function start(settings: Readonly<Record<string, string>>, log: Log = recordingLog().log) {
  return MetricReporters.start({
    env: { clock: nodeClock(), log },
    http: nodeHttpServer(recordingLog().log),
    configuration: Configuration.parse(settings),
    read: async () => SCOPES,
  });
}

test('Prometheus finds every number under the names of Flink', async () => {
  const reporters = await start({
    'metrics.reporters': 'prom',
    'metrics.reporter.prom.port': '0',
  });
  const { host, port } = reporters.prometheus!;
  const answer = await fetch(`http://${host}:${port}/metrics`);
  assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const page = await answer.text();
  const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  assert.deepEqual(lines, [
    `flink_taskmanager_job_task_operator_rejected{${LABELS}} 3`,
    `flink_taskmanager_job_task_operator_orders{${LABELS}} 4`,
    `flink_taskmanager_job_task_operator_topic_lag{${LABELS},topic="eu"} 7`,
    `flink_taskmanager_job_task_operator_currentInputWatermark{${LABELS}} 1795241637903`,
    'flink_taskmanager_Status_JVM_CPU_Load{host="h1",tm_id="tm-1"} 0.25',
  ]);
  assert.match(page, /^# TYPE flink_taskmanager_Status_JVM_CPU_Load gauge$/m);
  assert.equal((await fetch(`http://${host}:${port}/other`)).status, 404);
  await reporters.close();
  await assert.rejects(fetch(`http://${host}:${port}/metrics`), 'the port is free again');
});

test('several processes of a machine share a range of ports', async () => {
  const first = await start({ 'metrics.reporters': 'prom', 'metrics.reporter.prom.port': '0' });
  const { port } = first.prometheus!;
  const taken = { 'metrics.reporters': 'prom', 'metrics.reporter.prom.port': String(port) };
  await assert.rejects(start(taken), { code: 'NETWORK_FAILED' });
  const range = { ...taken, 'metrics.reporter.prom.port': `${port},0` };
  const second = await start(range);
  assert.notEqual(second.prometheus!.port, port);
  await Promise.all([first.close(), second.close()]);
});

test('a reporter that there is not is named', async () => {
  await assert.rejects(start({ 'metrics.reporters': 'prom, jmx' }), {
    code: 'CONFIG_INVALID_VALUE',
    message: 'The option metrics.reporters cannot be "jmx".',
    fix: 'It must be "prom", "otel" or both, separated by a comma.',
  });
});

describe('OTLP', () => {
  const limits = {
    ...{ headerBytes: 16_384, connections: 10 },
    ...{ headerTimeout: seconds(5), requestTimeout: seconds(5), keepAliveTimeout: seconds(5) },
  };

  interface Collector {
    readonly listener: HttpListener;
    readonly received: { readonly path: string; readonly body: any }[];
    status: number;
  }

  async function collector(): Promise<Collector> {
    const received: Collector['received'] = [];
    const started: { -readonly [K in keyof Collector]?: Collector[K] } = { received, status: 200 };
    started.listener = await nodeHttpServer(recordingLog().log).listen(
      { host: '127.0.0.1', port: 0, limits },
      async (request) => {
        const bytes = await request.body(2 ** 20);
        const body: unknown = JSON.parse(new TextDecoder().decode(bytes));
        received.push({ path: request.target, body });
        const headers = { 'content-type': 'application/json' };
        return { status: started.status!, headers, body: '{}' };
      },
    );
    return started as Collector;
  }

  function settings(port: number): Readonly<Record<string, string>> {
    return {
      'metrics.reporters': 'otel',
      'metrics.reporter.otel.exporter.endpoint': `http://127.0.0.1:${port}/v1/metrics`,
      'metrics.reporter.otel.interval': '20 ms',
      'metrics.reporter.otel.exporter.timeout': '200 ms',
      'metrics.reporter.otel.service.name': 'orders-cluster',
    };
  }

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((done) => nodeClock().after(milliseconds(5), done));
    }
  }

  test('a collector gets every value with its attributes', async () => {
    const { listener, received } = await collector();
    const reporters = await start(settings(listener.port));
    await until(() => received.length >= 2);
    await reporters.close();
    const { path, body } = received[0]!;
    assert.equal(path, '/v1/metrics');
    const [{ resource, scopeMetrics }] = body.resourceMetrics;
    assert.deepEqual(resource.attributes, [
      { key: 'service.name', value: { stringValue: 'orders-cluster' } },
    ]);
    const metrics: any[] = scopeMetrics[0].metrics;
    const values = Object.fromEntries(
      metrics.map((metric) => {
        const [point] = (metric.gauge ?? metric.sum).dataPoints;
        return [metric.name, point.asDouble];
      }),
    );
    assert.deepEqual(values, {
      'flink.taskmanager.job.task.operator.rejected': 3,
      'flink.taskmanager.job.task.operator.orders.count': 120,
      'flink.taskmanager.job.task.operator.orders.rate': 4,
      'flink.taskmanager.job.task.operator.topic.lag': 7,
      'flink.taskmanager.job.task.operator.currentInputWatermark': 1795241637903,
      'flink.taskmanager.Status.JVM.CPU.Load': 0.25,
    });
    const lag = metrics.find(({ name }) => name.endsWith('topic.lag'));
    const attributes = Object.fromEntries(
      lag.gauge.dataPoints[0].attributes.map((each: any) => [each.key, each.value.stringValue]),
    );
    assert.deepEqual(
      [attributes['topic'], attributes['job_name'], attributes['subtask_index']],
      ['eu', 'orders "EU"', '1'],
    );
    await listener[Symbol.asyncDispose]();
  });

  test('O2: a collector that refuses is told of once, and once when it is back', async () => {
    const target = await collector();
    target.status = 400;
    const { log, lines } = recordingLog();
    const reporters = await start(settings(target.listener.port), log);
    await until(() => target.received.length >= 3);
    target.status = 200;
    await until(() => lines.length >= 2);
    await reporters.close();
    const url = `http://127.0.0.1:${target.listener.port}/v1/metrics`;
    assert.match(lines[0]!, new RegExp(`^warn: Metrics do not reach ${url}: `));
    assert.deepEqual(lines.slice(1), [`info: Metrics go to ${url} again.`]);
    await target.listener[Symbol.asyncDispose]();
  });
});

test('the page on this machine is not served under the name of a stranger', async () => {
  const reporters = await start({
    ...{ 'metrics.reporters': 'prom', 'metrics.reporter.prom.port': '0' },
    'millrace.rest.allowed-hosts': 'metrics.example',
  });
  const { host, port } = reporters.prometheus!;
  const asked = async (name: string): Promise<number> => {
    const headers = { host: name, connection: 'close' };
    const url = `http://${host}:${port}/metrics`;
    const request = { method: 'GET', url, headers, timeout: seconds(10) };
    return (await nodeHttpClient().request(request)).status;
  };
  const names = ['evil.com', `evil.com:${port}`, `localhost:${port}`, '[::1]', 'Metrics.example'];
  assert.deepEqual(await Promise.all(names.map(asked)), [403, 403, 200, 200, 200]);
  await reporters.close();
});
