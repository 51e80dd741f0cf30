// A job as users write it, with a package from npm and modules of its own, goes to a cluster as a
// bundle: it sees nothing of another run of itself, and its errors name the user's own lines.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { EngineError } from '../src/base/errors.ts';
import { bundleJob } from '../src/client/bundle/bundle-job.ts';
import { renderError } from '../src/client/render-error.ts';
import { MiniCluster } from '../src/deploy/mini-cluster.ts';
import { nodeEnv } from '../src/env/node/node-env.ts';
import { decodeClientMessage } from '../src/functions/client-message.ts';

const ENGINE = '1.0.0';
const FILES: Readonly<Record<string, string>> = {
  'package.json': '{"type":"module"}',
  'orders.ts': `
import { defineJob } from 'millrace';
import { z } from 'zod';
import { next } from './lib/counter.ts';

enum Kind {
  Buy = 'buy',
  Sell = 'sell',
}

const Order = z.object({ id: z.number(), kind: z.enum(Kind) });

export const counted = defineJob({
  name: 'counted',
  build(env) {
    env
      .fromElements({ id: 1, kind: 'buy' }, { id: 2, kind: 'sell' }, { id: 3, kind: 'buy' })
      .map((order) => Order.parse(order))
      .map(({ kind }) => kind + ' ' + next())
      .print();
  },
});

export const refused = defineJob({
  name: 'refused',
  build(env) {
    env
      .fromElements({ id: 1, kind: 'give' })
      .map((order) => Order.parse(order))
      .print();
  },
});

export const uncaught = defineJob({
  name: 'uncaught',
  build(env) {
    env
      .fromElements(1)
      .asyncMap(() => new Promise<number>(() => later()), { order: 'unordered', timeout: 1e6 as never })
      .print();
  },
});

function later(): void {
  setImmediate(() => {
    throw new Error('nobody looks');
  });
}
`,
  'lib/counter.ts': `
let count: number = 0;

export function next(): number {
  count += 1;
  return count;
}
`,
};

const env = nodeEnv({
  entries: {
    slot: new URL('../bin/slot-worker.ts', import.meta.url),
    coordinator: new URL('../bin/coordinator-worker.ts', import.meta.url),
  },
  log: { level: 'error' },
});

const folder = await mkdtemp(join(tmpdir(), 'millrace-bundled-'));
after(() => rm(folder, { recursive: true }));

async function bundleOf(job: string): Promise<Uint8Array> {
  const project = join(folder, 'project');
  await mkdir(join(project, 'lib'), { recursive: true });
  await mkdir(join(project, 'node_modules'), { recursive: true });
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(project, name), text);
  const zod = fileURLToPath(new URL('../node_modules/zod', import.meta.url));
  await symlink(zod, join(project, 'node_modules/zod'));
  const moduleUrl = pathToFileURL(join(project, job)).href;
  const options = { disk: env.disk, moduleUrl, engine: ENGINE, externals: [] };
  return (await bundleJob(options)).bytes;
}

test('a job with a package of npm runs twice in one cluster, each time from its beginning', async () => {
  const bundle = await bundleOf('orders.ts');
  const blobs = { folder: join(folder, 'cluster'), engine: ENGINE };
  await using cluster = await MiniCluster.start({ env, blobs, slots: 1, spareWorkers: 0 });
  const run = async (
    exportName: string,
  ): Promise<{ error: EngineError | undefined; text: string }> => {
    const job = { moduleUrl: '', exportName, parameters: {}, configuration: {} };
    const client = await cluster.submit({ ...job, jobId: env.random.uuid() }, { bundle });
    let text = '';
    client.onMessage((_operator, payload) => {
      text += new TextDecoder().decode(decodeClientMessage(payload).body);
    });
    const { error } = await client.result();
    return { error: error && EngineError.fromData(error), text };
  };

  assert.equal((await run('counted')).text, 'buy 1\nsell 2\nbuy 3\n');
  assert.equal((await run('counted')).text, 'buy 1\nsell 2\nbuy 3\n');

  const { error } = await run('refused');
  assert.equal(error?.code, 'USER_CODE_FAILED');
  assert.match(error.message, /of "map" threw/);
  assert.equal(error.scope.declaredAt, 'orders.ts:29:8');
  const shown = renderError(error, { verbose: false, workingDirectory: '/' });
  assert.match(shown, /^ {2}at: orders\.ts:29:29$/m);

  const late = await run('uncaught');
  assert.equal(late.error?.code, 'USER_CODE_UNCAUGHT');
  assert.match(
    renderError(late.error, { verbose: false, workingDirectory: '/' }),
    /^ {2}at: orders\.ts:46:11$/m,
  );
});
