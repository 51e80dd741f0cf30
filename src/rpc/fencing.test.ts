/** Every method of every service asks for its token, or says that it does not. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import { blobService } from '../protocol/blob-service.ts';
import { dispatcherService } from '../protocol/dispatcher-service.ts';
import { jobClientService, jobMasterService } from '../protocol/job-master-service.ts';
import { resourceManagerService } from '../protocol/resource-manager-service.ts';
import type { Service } from '../protocol/service.ts';
import { taskExecutorService } from '../protocol/task-executor-service.ts';
import type { SchemaDescription } from '../types/schema-description.ts';
import { MainThread } from './main-thread.ts';
import { RpcService } from './rpc-service.ts';
import { testEnv } from './test-env.test-kit.ts';

const SERVICES: readonly Service[] = [
  ...[blobService, dispatcherService, jobClientService, jobMasterService],
  ...[resourceManagerService, taskExecutorService],
] as readonly Service[];

/**
 * Whoever knows the secret of the cluster may call these without a token: to learn the token, and
 * for code, which is named by its hash and checked against it.
 */
const UNFENCED: Readonly<Record<string, readonly string[]>> = {
  Dispatcher: ['identify'],
  ResourceManager: ['identify'],
  Blobs: ['putChunk', 'finish', 'getChunk', 'release'],
};

test('every service of the protocol is walked here', () => {
  const folder = new URL('../protocol/', import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith('-service.ts'));
  assert.equal(files.length, SERVICES.length - 1, 'the master of a job has two in its file');
});

test('what is called without a token is what stands in the table, and nothing more', () => {
  for (const { name, methods } of SERVICES) {
    const unfenced = Object.entries(methods)
      .filter(([, { unfenced: open }]) => open === true)
      .map(([method]) => method);
    assert.deepEqual(unfenced, UNFENCED[name] ?? [], name);
  }
});

test('every call with another token is refused before its handler runs', async () => {
  const env = testEnv();
  const now = async <T>(promise: Promise<T>): Promise<T> => {
    promise.catch(() => undefined);
    await env.clock.pass();
    return promise;
  };
  let calls = 0;
  for (const service of SERVICES) {
    const server = new RpcService({ env, name: service.name });
    const main = new MainThread(service.name, env.clock, () => assert.fail());
    const ran = (): never => assert.fail(`a handler of ${service.name} ran`);
    const handlers = Object.fromEntries(Object.keys(service.methods).map((name) => [name, ran]));
    server.register({
      ...{ name: 'it', service, main, handlers: handlers as never },
      fence: (token) => token === 'now',
    });
    const address = await now(server.listen(service.name, 0));
    const client = new RpcService({ env, name: 'client' });
    const connection = await now(client.connect(address));
    const gateway = connection.gateway(service, 'it', 'before') as unknown as Readonly<
      Record<string, (request: unknown) => Promise<unknown>>
    >;
    for (const [name, method] of Object.entries(service.methods)) {
      if (method.unfenced === true) continue;
      const answer = gateway[name]!(sample(method.request.description));
      calls += 1;
      if (method.kind === 'ask') {
        await assert.rejects(now(answer), (error) => isEngineError(error, 'RPC_FENCED'), name);
      } else {
        await env.clock.pass();
      }
      assert.ok(!connection.closed, `${service.name}.${name}`);
    }
    const fenced = Object.values(service.methods).filter(({ unfenced }) => unfenced !== true);
    assert.equal(server.fenced, fenced.length, service.name);
    await now(client.close());
    await now(server.close());
  }
  assert.ok(calls > 40, `${calls} methods`);
  assert.equal(env.clock.armed, 0, 'time-outs are gone');
});

test('every ask has a time-out, but those whose answer comes with an event', () => {
  const never = SERVICES.flatMap(({ name, methods }) =>
    Object.entries(methods)
      .filter(([, { timeout }]) => timeout === 'never')
      .map(([method]) => `${name}.${method}`),
  );
  assert.deepEqual(never.sort(), [
    'Dispatcher.disposeSavepoint',
    'Dispatcher.requestJobResult',
    'Dispatcher.submitJob',
    'Dispatcher.triggerCheckpoint',
    'Dispatcher.triggerSavepoint',
    'TaskExecutor.stopSlot',
  ]);
});

/** Some value of a schema. */
function sample(description: SchemaDescription): unknown {
  switch (description.kind) {
    case 'string':
      return '';
    case 'boolean':
      return false;
    case 'bytes':
      return new Uint8Array(0);
    case 'optional':
      return undefined;
    case 'array':
      return [];
    case 'struct':
      return Object.fromEntries(description.fields.map(({ name, type }) => [name, sample(type)]));
    case 'dynamic':
      return {};
    default:
      return 0;
  }
}
