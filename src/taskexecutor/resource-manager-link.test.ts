/** What a TaskExecutor says while it cannot register. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import { milliseconds, minutes, seconds } from '../base/units.ts';
import type { Log } from '../env/env.ts';
import { MainThread } from '../rpc/main-thread.ts';
import { RpcService } from '../rpc/rpc-service.ts';
import { testEnv } from '../rpc/test-env.test-kit.ts';
import { ResourceManagerLink } from './resource-manager-link.ts';

/** What is in the log of a link whose attempts to connect all fail. */
async function linesOf(error: EngineError, duration: number): Promise<readonly string[]> {
  const lines: string[] = [];
  const log: Log = { write: (level, text) => void lines.push(`${level} ${text}`), with: () => log };
  const env = testEnv();
  const rpc = new RpcService({ env, name: 'taskexecutor' });
  rpc.connect = () => Promise.reject(error);
  const main = new MainThread('taskexecutor', env.clock, () => assert.fail());
  using _link = new ResourceManagerLink({
    ...{ main, rpc, log, address: 'there:7', taskExecutorId: 'a' },
    heartbeat: { interval: seconds(10), timeout: seconds(50), failureThreshold: 2 },
    registrationTimeout: minutes(5),
    report: () => [],
    description: () => assert.fail(),
  });
  await env.clock.pass(milliseconds(duration));
  return lines;
}

test('another secret is an error with its fix, said once and then rarely', async () => {
  const parameters = { peer: 'there:7', reason: 'its secret is another one' };
  const error = new EngineError('RPC_SECRET_MISMATCH', parameters);
  const lines = await linesOf(error, 50_000);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^error .*its secret is another one\. .*millrace\.security\.secret-file/);
  assert.equal((await linesOf(error, 150_000)).length, 3);
});

test('certificates of another authority are an error too', async () => {
  const parameters = { operation: 'connect to', address: 'there:7', reason: 'x', tls: 'refused' };
  const lines = await linesOf(new EngineError('NETWORK_FAILED', parameters), 50_000);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^error .*millrace\.security\.ssl\.internal\.ca/);
});

test('that nobody is there yet is none', async () => {
  const parameters = { operation: 'connect to', address: 'there:7', reason: 'nobody' };
  const lines = await linesOf(new EngineError('NETWORK_FAILED', parameters), 1000);
  assert.ok(lines.length > 2 && lines.every((line) => line.startsWith('info ')), lines.join());
});
