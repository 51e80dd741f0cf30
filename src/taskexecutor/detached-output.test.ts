// What becomes of the messages of sinks while no client is attached.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '../env/env.ts';
import { encodeClientMessage } from '../functions/client-message.ts';
import type { ToSlot } from '../protocol/slot-messages.ts';
import { DetachedOutput } from './detached-output.ts';

class Rig {
  readonly acknowledged: number[] = [];
  readonly warnings: string[] = [];
  readonly log: Log = {
    write: (_level, message) => void this.warnings.push(message),
    with: () => this.log,
  };

  take(output: DetachedOutput, payload: Uint8Array): void {
    const post = (message: ToSlot): void => {
      if (message.kind === 'client-acknowledge') this.acknowledged.push(message.bytes);
    };
    output.take({ executionId: 'v/0/1', operator: 'sink', payload }, { jobId: 'j', slot: 0, post });
  }
}

function print(text: string): Uint8Array {
  const body = new TextEncoder().encode(text);
  return encodeClientMessage({ kind: 'print', subtask: 0, attempt: 1, sequence: 0, body });
}

async function turns(count: number = 20): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

test('Z1, Z2: lines are written in order, one after another, and acknowledged when they are', async () => {
  const rig = new Rig();
  const written: string[] = [];
  const waiting: (() => void)[] = [];
  const output = new DetachedOutput((text) => {
    written.push(text);
    return new Promise((resolve) => waiting.push(resolve));
  }, rig.log);
  rig.take(output, print('1> a\n'));
  rig.take(output, print('2> bc\n'));
  await turns();
  assert.deepEqual([written, rig.acknowledged], [['1> a\n'], []]);
  waiting.shift()!();
  await turns();
  assert.deepEqual(written, ['1> a\n', '2> bc\n']);
  assert.deepEqual(rig.acknowledged, [print('1> a\n').length]);
  waiting.shift()!();
  await turns();
  assert.equal(rig.acknowledged.length, 2);
  assert.deepEqual(rig.warnings, []);
});

test('Z1: what is for a client alone is acknowledged and dropped, said once', async () => {
  const rig = new Rig();
  const written: string[] = [];
  const output = new DetachedOutput((text) => void written.push(text), rig.log);
  const body = new Uint8Array([1, 2, 3]);
  const origin = { subtask: 0, attempt: 1, sequence: 0, body };
  rig.take(
    output,
    encodeClientMessage({ kind: 'collect', ...origin, count: 1, from: 0, last: true }),
  );
  rig.take(output, new TextEncoder().encode('0: 1 2 3'));
  rig.take(output, print('x\n'));
  await turns();
  assert.deepEqual([written, rig.acknowledged.length, rig.warnings.length], [['x\n'], 3, 1]);
});

test('Z1: an output that nobody takes any more does not stop the job', async () => {
  const rig = new Rig();
  const output = new DetachedOutput(() => Promise.reject(new Error('EPIPE')), rig.log);
  rig.take(output, print('x\n'));
  rig.take(output, print('y\n'));
  await turns();
  assert.equal(rig.acknowledged.length, 2);
  assert.match(rig.warnings.join(), /lost: EPIPE$/);
});
