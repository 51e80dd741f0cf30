import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seconds } from '../base/units.ts';
import type { ExitReason, WorkerHandle } from '../env/env.ts';
import { testEnv } from '../rpc/test-env.test-kit.ts';
import { SpareWorkers } from './spare-workers.ts';

interface Started extends WorkerHandle {
  readonly name: string;
  readonly terminated: boolean;
}

/** Spares, and all workers that were started for them. */
function rig(count: number) {
  const { clock } = testEnv();
  const started: Started[] = [];
  const workers = {
    spawn: (_entry: string, { name }: { readonly name: string }): WorkerHandle => {
      const { promise: exited, resolve } = Promise.withResolvers<ExitReason>();
      const worker = { name, terminated: false, exited, terminate };
      function terminate(): void {
        worker.terminated = true;
        resolve({} as ExitReason);
      }
      started.push(worker as unknown as Started);
      return worker as unknown as WorkerHandle;
    },
  };
  const spares = new SpareWorkers({ workers, clock }, 100, count);
  return { clock, started, spares };
}

test('W1: a spare is handed out once, and one of another size is no spare', () => {
  const { started, spares } = rig(1);
  assert.equal(started.length, 1);
  assert.equal(spares.take('large', 500), started[1]);
  assert.equal(spares.take('first'), started[0]);
  assert.equal(spares.take('second'), started[2]);
  assert.deepEqual(
    started.map(({ name }) => name),
    ['slot spare 0', 'large', 'second'],
  );
});

test('W2: what was started for a restart serves it, or is ended after a while', async () => {
  const { clock, started, spares } = rig(0);
  spares.expect('one');
  spares.expect('two');
  assert.equal(spares.take('again'), started[0]);
  await clock.pass(seconds(60));
  assert.deepEqual(
    started.map(({ terminated }) => terminated),
    [false, true],
  );
  assert.equal(spares.take('later'), started[2]);
});

test('one that is kept is started again only when it was taken, and ends with the others', async () => {
  const { clock, started, spares } = rig(0);
  spares.keepOne();
  spares.keepOne();
  await clock.pass(seconds(60));
  assert.equal(started.length, 1);
  assert.equal(spares.take('slot'), started[0]);
  spares.keepOne();
  spares.expect('again');
  await spares.close();
  assert.deepEqual(
    started.map(({ terminated }) => terminated),
    [false, true, true],
  );
});
