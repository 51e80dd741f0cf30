// Collecting: records by stream and subtask, restarts in the middle, messages that are missing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter } from '../base/byte-writer.ts';
import { encodeClientMessage } from '../functions/client-message.ts';
import { t } from '../types/index.ts';
import type { Schema } from '../types/schema.ts';
import { failure, operatorNamed } from './compile.test-kit.ts';
import { defineJob } from './define-job.ts';
import {
  executeAndCollectBy,
  type ExecutionRequest,
  type JobExecution,
} from './execute-and-collect.ts';
import { param } from './parameters.ts';

const Row = t.struct({ n: t.int32 });

const job = defineJob({
  name: 'rows',
  params: { most: param(t.int32, 3) },
  build(env, { most }) {
    const numbers = env.sequence(1, most);
    return {
      numbers: numbers.collect('numbers'),
      rows: numbers
        .map((n) => ({ n }))
        .returns(Row)
        .collect('rows')
        .setParallelism(2),
    };
  },
});

const compiled = job.compile({ parameters: {}, configuration: {} });
const numbersSink = operatorNamed(compiled.graph, 'Sink: collect(numbers)').id;
const rowsSink = operatorNamed(compiled.graph, 'Sink: collect(rows)').id;

interface Sent {
  readonly operator: string;
  readonly schema: Schema<unknown>;
  readonly values: readonly unknown[];
  readonly subtask?: number;
  readonly attempt?: number;
  readonly sequence?: number;
  readonly last?: boolean;
  readonly from?: number;
}

function sending(...messages: readonly Sent[]): JobExecution {
  return (request) => {
    for (const message of messages) {
      const {
        operator,
        schema,
        values,
        subtask = 0,
        attempt = 1,
        sequence = 0,
        last = true,
        from = 0,
      } = message;
      const out = new ByteWriter();
      for (const value of values) schema.codec.encode(value, out);
      request.onMessage(
        operator,
        encodeClientMessage({
          kind: 'collect',
          subtask,
          attempt,
          sequence,
          last,
          from,
          count: values.length,
          body: out.copy(),
        }),
      );
    }
    return Promise.resolve();
  };
}

const numbers = { operator: numbersSink, schema: t.integer } as const;
const rows = { operator: rowsSink, schema: Row } as const;

test('records come by stream, by subtask, in order', async () => {
  const execution = sending(
    { ...rows, subtask: 1, values: [{ n: 2 }] },
    { ...numbers, values: [1, 2], last: false },
    { ...rows, subtask: 0, values: [{ n: 1 }, { n: 3 }] },
    { ...numbers, values: [3], sequence: 1 },
  );
  const collected = await executeAndCollectBy(execution, job);
  assert.deepEqual(collected, { numbers: [1, 2, 3], rows: [{ n: 1 }, { n: 3 }, { n: 2 }] });
});

test('X1: what an attempt before the last had sent does not count', async () => {
  const execution = sending(
    { ...numbers, values: [1, 2], last: false },
    { ...numbers, values: [], attempt: 2 },
    { ...numbers, values: [9], sequence: 1 },
    { ...rows, subtask: 0, values: [{ n: 7 }], attempt: 2 },
    { ...rows, subtask: 1, values: [], attempt: 2 },
  );
  const collected = await executeAndCollectBy(execution, job);
  assert.deepEqual(collected, { numbers: [], rows: [{ n: 7 }] });
});

test('X4: an attempt that was restored goes on behind what its checkpoint holds', async () => {
  const execution = sending(
    { ...numbers, values: [1, 2], last: false },
    { ...numbers, values: [3, 4], sequence: 1, last: false, from: 2 },
    { ...numbers, values: [33], attempt: 2, from: 2, last: false },
    { ...numbers, values: [333], attempt: 3, from: 3 },
    { ...rows, subtask: 0, values: [{ n: 7 }] },
    { ...rows, subtask: 1, values: [] },
  );
  const collected = await executeAndCollectBy(execution, job);
  assert.deepEqual(collected, { numbers: [1, 2, 33, 333], rows: [{ n: 7 }] });
  const lost = sending(
    { ...numbers, values: [1], last: false },
    { ...numbers, values: [4], attempt: 2, from: 3 },
  );
  await assert.rejects(() => executeAndCollectBy(lost, job), /X4: records of a complete/);
});

test('X1: subtasks that start again are told from those that do not', async () => {
  const execution = sending(
    { ...numbers, values: [] },
    { ...rows, subtask: 0, values: [{ n: 7 }] },
    { ...rows, subtask: 1, values: [{ n: 8 }], last: false },
    { ...rows, subtask: 1, values: [{ n: 9 }], attempt: 2 },
  );
  const collected = await executeAndCollectBy(execution, job);
  assert.deepEqual(collected, { numbers: [], rows: [{ n: 7 }, { n: 9 }] });
});

test('X2, X3: a message that is missing is an error, never fewer records', async () => {
  const gap = sending({ ...numbers, values: [1], sequence: 1 });
  await assert.rejects(() => executeAndCollectBy(gap, job), /X2: message 1 of subtask 0/);
  const end = sending({ ...numbers, values: [1] }, { ...rows, values: [], subtask: 1 });
  await assert.rejects(() => executeAndCollectBy(end, job), /X3: 1 of 2 subtasks/);
});

test('X2: a message that comes again is taken once', async () => {
  const again = sending(
    { ...numbers, values: [1], last: false },
    { ...numbers, values: [1], last: false },
    { ...numbers, values: [2], sequence: 1 },
    { ...rows, values: [], subtask: 0 },
    { ...rows, values: [], subtask: 1 },
  );
  const collected = await executeAndCollectBy(again, job);
  assert.deepEqual(collected, { numbers: [1, 2], rows: [] });
});

test('what is executed: the module of the job, with resolved parameters', async () => {
  const requests: ExecutionRequest[] = [];
  const single = defineJob({
    name: 'single',
    params: { n: t.int64 },
    build: (env) => env.sequence(1, 2).collect(),
  });
  const execution: JobExecution = (request) => {
    requests.push(request);
    const { graph } = single.compile(request);
    const operator = operatorNamed(graph, 'Sink: collect(results)').id;
    return sending({ operator, schema: t.integer, values: [1, 2] })(request);
  };
  const collected = await executeAndCollectBy(execution, single, {
    params: { n: 5n },
    configuration: { 'heartbeat.interval': '1 s' },
  });
  assert.deepEqual(collected, [1, 2]);
  assert.equal(requests[0]?.moduleUrl, import.meta.url);
  assert.deepEqual(requests[0]?.parameters, { n: '5' });
  assert.deepEqual(requests[0]?.configuration, { 'heartbeat.interval': '1 s' });
});

test('a failure of the job is the failure of the call', async () => {
  const execution: JobExecution = () => Promise.reject(new Error('failed'));
  await assert.rejects(() => executeAndCollectBy(execution, job), /failed/);
});

test('what a build may return', () => {
  const options = { parameters: {}, configuration: {} };
  const printed = defineJob({ name: 'printed', build: (env) => env.sequence(1, 2).print() });
  assert.equal(printed.compile(options).graph.vertices.length, 1);
  const wrong = defineJob({ name: 'wrong', build: (env) => env.sequence(1, 2) as never });
  const error = failure('API_INVALID_ARGUMENT', () => wrong.compile(options));
  assert.match(error.message, /build cannot take this: it returns nothing/);
});
