// An attached job over HTTP: what it prints waits for its client, comes whole, and no faster than
// the client takes it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleHeaderLine } from '../base/bundle-header.ts';
import { decodeClientMessage } from '../functions/client-message.ts';
import { ENGINE, RestRig, TOKEN } from './rest.test-kit.ts';

/** Too much for all buffers on the way together. */
const LINES = 30_000;
const WIDTH = 1000;

const BUNDLE = `${bundleHeaderLine({ engine: ENGINE, job: 'jobs.ts', externals: [] })}
import { defineJob } from 'millrace';
export const few = defineJob({
  name: 'few',
  build: (env) => void env.sequence(1, 5).print('n'),
});
export const many = defineJob({
  name: 'many',
  build: (env) => void env.sequence(1, ${LINES}).map((n) => String(n).padStart(${WIDTH}, ' ')).print(),
});
`;

function textOf(line: string): string {
  const { payload } = JSON.parse(line) as { readonly payload: string };
  return new TextDecoder().decode(decodeClientMessage(Buffer.from(payload, 'base64')).body);
}

function printed(text: string): string {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(textOf)
    .join('');
}

test('what an attached job prints waits for its client and comes whole, then the end', async () => {
  await using rig = await RestRig.start();
  const jar = await rig.upload(BUNDLE);
  const job = await rig.run(jar, { exportName: 'few', attached: true });
  const answer = await rig.get(`/jobs/${job}/client-messages`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'application/x-ndjson');
  assert.equal(printed(answer.text), 'n> 1\nn> 2\nn> 3\nn> 4\nn> 5\n');
  const { 'job-execution-result': result } = await rig.ending(job);
  assert.equal(result['application-status'], 'SUCCEEDED');
  // It is over: nothing more comes, and nothing hangs.
  assert.equal((await rig.get(`/jobs/${job}/client-messages`)).text, '');
  const nobody = await rig.get(`/jobs/${'0'.repeat(32)}/client-messages`);
  assert.equal(nobody.status, 404);
});

test('a client that does not read holds the job back; who reads on gets all of it, once', async () => {
  await using rig = await RestRig.start();
  const jar = await rig.upload(BUNDLE);
  const job = await rig.run(jar, { exportName: 'many', attached: true });
  const answer = await fetch(`${rig.url}/jobs/${job}/client-messages`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  const reader = answer.body!.getReader();
  let text = '';
  const decoder = new TextDecoder();
  const first = await reader.read();
  text += decoder.decode(first.value, { stream: true });
  await rig.until(`/jobs/${job}`, ({ vertices }) =>
    vertices.some((each: any) => each.metrics['accumulated-backpressured-time'] > 1000),
  );
  assert.equal((await rig.get(`/jobs/${job}`)).json.state, 'RUNNING');
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  const lines = printed(text)
    .split('\n')
    .slice(0, -1)
    .map((line) => Number(line));
  assert.equal(lines.length, LINES);
  assert.ok(lines.every((n, i) => n === i + 1));
});
