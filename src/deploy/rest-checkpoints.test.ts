// Checkpoints and savepoints over REST: triggered, told of, disposed of, gone on from.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RestRig } from './rest.test-kit.ts';

describe('checkpoints over REST', () => {
  let rig: RestRig;
  let jar: string;
  let folder: string;
  let job: string;

  const settings = (): Readonly<Record<string, string>> => ({
    'execution.checkpointing.interval': '50 ms',
    'execution.checkpointing.dir': join(folder, 'checkpoints'),
  });
  /** The path of what an operation has made, or its cause. */
  const outcome = async (poll: string, trigger: string): Promise<any> => {
    const { operation } = await rig.until(
      `/jobs/${job}/${poll}/${trigger}`,
      ({ status }) => status.id === 'COMPLETED',
    );
    return operation;
  };
  const trigger = async (what: string, body: object): Promise<string> => {
    const { status, json } = await rig.call('POST', `/jobs/${job}/${what}`, body);
    assert.equal(status, 202, JSON.stringify(json));
    return json['request-id'];
  };
  const run = async (more: Readonly<Record<string, string>> = {}, body: object = {}) => {
    const flinkConfiguration = { ...settings(), ...more };
    const id = await rig.run(jar, { exportName: 'endless', flinkConfiguration, ...body });
    await rig.running(id);
    return id;
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rest-checkpoints-'));
    rig = await RestRig.start();
    jar = await rig.upload();
    job = await run();
  });

  after(async () => {
    await rig[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test('statistics, details and settings of a job that takes checkpoints', async () => {
    const known = await rig.until(`/jobs/${job}/checkpoints`, ({ counts }) => counts.completed > 1);
    assert.ok(known.counts.total >= known.counts.completed);
    assert.equal(known.counts.failed, 0);
    const { completed } = known.latest;
    assert.deepEqual([completed.className, completed.status], ['completed', 'COMPLETED']);
    assert.equal(completed.num_acknowledged_subtasks, completed.num_subtasks);
    assert.ok(completed.external_path.endsWith(`${job}/chk-${completed.id}`));
    assert.ok(known.summary.end_to_end_duration.max >= known.summary.end_to_end_duration.min);

    const details = (await rig.get(`/jobs/${job}/checkpoints/details/${completed.id}`)).json;
    const vertices = Object.keys(details.tasks);
    assert.equal(vertices.length, 2);
    const part = `/jobs/${job}/checkpoints/details/${completed.id}/subtasks/${vertices[1]}`;
    const { json: vertex } = await rig.get(part);
    assert.deepEqual(
      vertex.subtasks.map(({ index, status }: any) => [index, status]),
      [[0, 'completed']],
    );
    assert.ok(vertex.state_size > 0, 'sums by key are state');

    const { json: config } = await rig.get(`/jobs/${job}/checkpoints/config`);
    assert.deepEqual(
      [config.mode, config.interval, config.checkpoint_storage],
      ['exactly_once', 50, 'FileSystemCheckpointStorage'],
    );
    const { json: gauges } = await rig.get(
      `/jobs/${job}/metrics?get=lastCheckpointExternalPath,numberOfCompletedCheckpoints`,
    );
    const values: Record<string, any> = Object.fromEntries(
      gauges.map(({ id, value }: any) => [id, value]),
    );
    assert.ok(values['lastCheckpointExternalPath'].includes(`${job}/chk-`));
    assert.ok(Number(values['numberOfCompletedCheckpoints']) > 1);
  });

  test('a checkpoint that somebody asks for', async () => {
    for (const checkpointType of ['CONFIGURED', 'FULL']) {
      const id = await trigger('checkpoints', { checkpointType });
      const { checkpointId } = await outcome('checkpoints', id);
      assert.ok(checkpointId > 0);
    }
  });

  test('a savepoint is taken, found by its path, and disposed of', async () => {
    const target = join(folder, 'savepoints');
    const triggerId = '1'.repeat(32);
    const body = { 'target-directory': target, 'cancel-job': false, triggerId };
    assert.equal(await trigger('savepoints', { ...body, formatType: 'CANONICAL' }), triggerId);
    const { location } = await outcome('savepoints', triggerId);
    const path = fileURLToPath(location);
    assert.ok((await readdir(path)).includes('_metadata'));
    const known = (await rig.get(`/jobs/${job}/checkpoints`)).json;
    assert.equal(known.latest.savepoint.external_path, location);
    assert.deepEqual(
      [known.latest.savepoint.checkpoint_type, known.latest.savepoint.savepointFormat],
      ['SAVEPOINT', 'CANONICAL'],
    );

    const disposed = await rig.call('POST', '/savepoint-disposal', { 'savepoint-path': location });
    await rig.until(
      `/savepoint-disposal/${disposed.json['request-id']}`,
      ({ status, operation }) =>
        status.id === 'COMPLETED' && operation['failure-cause'] === undefined,
    );
    assert.deepEqual(await readdir(target), []);
  });

  test('without a folder for savepoints it says so at once', async () => {
    const { status, json } = await rig.call('POST', `/jobs/${job}/savepoints`, {});
    assert.equal(status, 400);
    assert.match(json.errors[0], /savepoint-dir\] is not set\. Property \[target-directory\] must/);
  });

  test('a savepoint that cannot be written fails with the reason, and the job goes on', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, 'no folder');
    const id = await trigger('savepoints', { 'target-directory': file });
    const { 'failure-cause': cause } = await outcome('savepoints', id);
    assert.match(cause['stack-trace'], /a-file/);
    assert.equal((await rig.get(`/jobs/${job}/status`)).json.status, 'RUNNING');
  });

  test('a relative folder is refused by its name: whose would it be?', async () => {
    const id = await trigger('savepoints', { 'target-directory': 'mine/savepoints' });
    const { 'failure-cause': cause } = await outcome('savepoints', id);
    assert.match(
      cause['stack-trace'],
      /savepoint-dir.*mine\/savepoints.*an absolute path or a URI/,
    );
    const relative = { ...settings(), 'execution.checkpointing.dir': 'mine' };
    const refused = await rig
      .run(jar, { exportName: 'endless', flinkConfiguration: relative })
      .then(
        (started) => rig.until(`/jobs/${started}/exceptions`, (all) => all['root-exception']),
        (error: unknown) => String(error),
      );
    assert.match(JSON.stringify(refused), /execution.checkpointing.dir.*mine.*absolute path/);
  });

  test('disposing of what is no savepoint is told as such', async () => {
    const body = { 'savepoint-path': folder };
    const { json } = await rig.call('POST', '/savepoint-disposal', body);
    const { operation } = await rig.until(
      `/savepoint-disposal/${json['request-id']}`,
      ({ status }) => status.id === 'COMPLETED',
    );
    const text = operation['failure-cause']['stack-trace'];
    assert.match(text, /^millrace.SAVEPOINT_NOT_FOUND: There is no savepoint .* Name the folder/);
  });

  test('a job stops with a savepoint, and another one goes on from it', async () => {
    const target = join(folder, 'stopped');
    const id = await trigger('stop', { targetDirectory: target, drain: false });
    const { location } = await outcome('savepoints', id);
    assert.ok(location !== undefined, JSON.stringify(await outcome('savepoints', id)));
    await rig.until(`/jobs/${job}/status`, ({ status }) => status === 'FINISHED');

    job = await run({}, { savepointPath: location, allowNonRestoredState: false });
    const known = await rig.until(`/jobs/${job}/checkpoints`, ({ counts }) => counts.completed > 0);
    assert.equal(known.counts.restored, 1);
    const { restored, completed } = known.latest;
    assert.deepEqual([restored.is_savepoint, restored.external_path], [true, location]);
    assert.ok(completed.id > restored.id, 'ids ascend');
    assert.ok((await readdir(fileURLToPath(location))).includes('_metadata'), 'it is not ours');
  });

  test('a job is cancelled with a savepoint', async () => {
    const target = join(folder, 'cancelled');
    const id = await trigger('savepoints', { 'target-directory': target, 'cancel-job': true });
    const { location } = await outcome('savepoints', id);
    assert.ok(location !== undefined);
    await rig.until(`/jobs/${job}/status`, ({ status }) => status === 'CANCELED');
    const again = await rig.call('POST', `/jobs/${job}/savepoints`, { 'target-directory': target });
    const { 'failure-cause': cause } = await outcome('savepoints', again.json['request-id']);
    assert.match(cause['stack-trace'], /has ended|not all of its tasks are running/);
    // They go when the end of the job is known to all.
    const left = (): Promise<readonly string[]> => readdir(join(folder, 'checkpoints', job));
    while ((await left().catch(() => [])).length > 0) await rig.get('/overview');
  });
});
