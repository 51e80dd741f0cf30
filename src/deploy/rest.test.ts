// The REST interface of a whole cluster: jobs by upload, every answer in the shape that a real
// Flink 2.3.0 gave, and refusals in its words.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import { javaAccumulator } from '../rest/views/java-value.ts';
import { BUNDLE, RestRig, TOKEN } from './rest.test-kit.ts';

type ShapeOf = string | readonly ShapeOf[] | { readonly [key: string]: ShapeOf };

/** By path: the status and the shape of Flink's answer, as recorded. */
const RECORDED: Readonly<Record<string, { readonly status: number; readonly shape: ShapeOf }>> =
  JSON.parse(
    readFileSync(new URL('../../test/fixtures/flink-rest-2.3.0.json', import.meta.url), 'utf8'),
  );

const HANDLER = 'org.apache.flink.runtime.rest.handler.RestHandlerException: ';
const NOBODY = '0'.repeat(32);

/** What Flink's answer has and ours has not, or has otherwise. */
function differences(shape: ShapeOf, value: unknown, path = ''): readonly string[] {
  if (shape === 'any') return value === undefined ? [`${path} is missing`] : [];
  if (typeof shape === 'string') {
    const kind = value === null ? 'null' : value === 'NaN' ? 'number' : typeof value;
    return kind === shape ? [] : [`${path} is ${kind}, not ${shape}`];
  }
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return [`${path} is no list`];
    if (shape.length === 0) return [];
    return value.flatMap((item, i) => differences(shape[0], item, `${path}[${i}]`));
  }
  if (typeof value !== 'object' || value === null) return [`${path} is no object`];
  return Object.entries(shape).flatMap(([key, inner]) => {
    if (key === '*') {
      return Object.entries(value).flatMap(([k, v]) => differences(inner, v, `${path}.${k}`));
    }
    const name = key.replace(/\?$/, '');
    const found = (value as Readonly<Record<string, unknown>>)[name];
    if (found === undefined) return key.endsWith('?') ? [] : [`${path}.${name} is missing`];
    return differences(inner, found, `${path}.${name}`);
  });
}

describe('a cluster over REST', () => {
  let rig: RestRig;
  let jar: string;
  let endless: string;
  let failed: string;
  let ids: Readonly<Record<string, string>>;

  before(async () => {
    rig = await RestRig.start();
    jar = await rig.upload();
    endless = await rig.run(jar, {
      exportName: 'endless',
      parallelism: 2,
      parameters: { password: 'hunter2' },
    });
    failed = await rig.run(jar, { entryClass: 'fails', jobId: 'A'.repeat(32) });
    await rig.ending(failed);
    const { vertices } = await rig.running(endless);
    const [taskManager] = (await rig.get('/taskmanagers')).json.taskmanagers;
    ids = {
      jobid: endless,
      applicationid: endless,
      vertexid: vertices[1].id,
      taskmanagerid: taskManager.id,
      subtaskindex: '0',
      attempt: '0',
    };
  });

  after(() => rig[Symbol.asyncDispose]());

  const pathOf = (template: string): string =>
    template.replace(/:(\w+)/g, (_whole, name: string) => ids[name]!);

  /** Of the job that has failed, as in the recording. */
  const FAILED_PATHS = ['exceptions', 'execution-result'];

  test('answers in every shape that Flink has, and says so in its own document', async () => {
    const { json: document } = await rig.get('/openapi.json');
    const get: Readonly<Record<string, string>> = {
      '/jobs/:jobid/metrics?get': 'uptime',
      '/jobs/:jobid/vertices/:vertexid/subtasks/metrics?get': 'numRecordsIn',
      '/jobs/metrics?get': 'uptime',
      '/taskmanagers/metrics?get': 'Status.JVM.CPU.Load',
      '/jobmanager/metrics?get': 'numRunningJobs',
    };
    const problems: string[] = [];
    for (const [template, { status, shape }] of Object.entries(RECORDED)) {
      const last = template.slice(template.lastIndexOf('/') + 1);
      const path = pathOf(
        FAILED_PATHS.includes(last) ? template.replace(/:(?:job|application)id/, failed) : template,
      );
      const query = get[template];
      const answer = await rig.get(query === undefined ? path : `${path}=${query}`);
      const described = template.replace(/\?get$/, '').replace(/:(\w+)/g, '{$1}');
      if (document.paths[described]?.get === undefined) problems.push(`${template}: not described`);
      if (answer.status !== status) problems.push(`${template}: ${answer.status} ${answer.text}`);
      problems.push(...differences(shape, answer.json).map((each) => `${template}: ${each}`));
    }
    assert.deepEqual(problems, []);
  });

  test('every endpoint has its entry in the document, with what it takes and answers', async () => {
    const { json: document } = await rig.get('/openapi.json');
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = rig.server.endpoints.map(
      ({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`,
    );
    assert.deepEqual(described.sort(), [...served].sort());
    assert.ok(served.length > 85, `${served.length} endpoints`);
    const references = JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g);
    for (const [, name = ''] of references) {
      assert.ok(name in document.components.schemas, name);
    }
  });

  test('values have the conventions of Flink', async () => {
    const { json: job } = await rig.get(`/jobs/${endless}`);
    assert.deepEqual(
      [job.state, job['end-time'], job.timestamps.FINISHED, job['job-type'], job.schedulerType],
      ['RUNNING', -1, 0, 'STREAMING', 'Default'],
    );
    assert.equal(job.plan.nodes[0].inputs[0].ship_strategy, 'HASH');
    const { json: metrics } = await rig.get(
      `/jobs/${endless}/metrics?get=uptime,nosuch,numRestarts,lastCheckpointExternalPath`,
    );
    assert.deepEqual(
      metrics.map(({ id, value }: any) => [id, typeof value]),
      [
        ['uptime', 'string'],
        ['numRestarts', 'string'],
        ['lastCheckpointExternalPath', 'string'],
      ],
    );
    const { text } = await rig.get(`/jobs/${endless}/checkpoints/config`);
    assert.match(text, /"interval":9223372036854775807,/);
    const { json: checkpoints } = await rig.get(`/jobs/${endless}/checkpoints`);
    assert.equal(checkpoints.summary.state_size.p99, 'NaN');
  });

  test('refusals have the status and the text of Flink', async () => {
    const job = `/jobs/${endless}`;
    const vertex = pathOf('/jobs/:jobid/vertices/:vertexid');
    const server = 'Internal server error.';
    const names = { handler: HANDLER, nobody: NOBODY, job: endless, vertex: ids['vertexid']! };
    const filled = (text: string): string =>
      text.replace(/%(\w+)\|?/g, (_whole, name) => names[name as keyof typeof names]);
    const cases: readonly (readonly [string, string, number, string])[] = [
      [
        'GET',
        `/jobs/${NOBODY}`,
        404,
        'org.apache.flink.runtime.rest.NotFoundException: Job %nobody not found',
      ],
      ['GET', `/jobs/${NOBODY}/status`, 500, server],
      [
        'GET',
        `/jobs/${NOBODY}/execution-result`,
        404,
        '%handler|org.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job (%nobody)',
      ],
      ['PATCH', `/jobs/${NOBODY}`, 404, '%handler|Job could not be found.'],
      [
        'PATCH',
        `${job}?mode=bogus`,
        400,
        '%handler|Bad request, could not parse parameters: Cannot resolve query parameter (mode) from value "bogus".',
      ],
      [
        'PATCH',
        `/jobs/${failed}?mode=cancel`,
        409,
        '%handler|Job cancellation failed because the job has already reached another terminal state (FAILED).',
      ],
      [
        'GET',
        `${job}/yarn-stop`,
        308,
        '%handler|The termination mode "stop" has been removed. For an ungraceful shutdown, please use "cancel" instead. For a graceful shutdown, please use "jobs/:jobId/stop" instead.',
      ],
      [
        'GET',
        `${job}/vertices/${NOBODY}`,
        404,
        'org.apache.flink.runtime.rest.NotFoundException: JobVertex %nobody not found',
      ],
      [
        'GET',
        `${job}/vertices/${NOBODY}/subtasktimes`,
        404,
        "%handler|No vertex with ID '%nobody' exists.",
      ],
      [
        'GET',
        `${job}/vertices/xx`,
        400,
        '%handler|Bad request, could not parse parameters: Cannot resolve path parameter (vertexid) from value "xx".',
      ],
      ['GET', `${vertex}/subtasks/9`, 404, '%handler|Invalid subtask index for vertex %vertex'],
      [
        'GET',
        `${vertex}/subtasks/-1`,
        400,
        '%handler|Bad request, could not parse parameters: Cannot resolve path parameter (subtaskindex) from value "-1".',
      ],
      ['GET', `${vertex}/subtasks/0/attempts/7`, 404, '%handler|Invalid attempt num 7'],
      [
        'GET',
        `${job}/checkpoints/details/1`,
        404,
        '%handler|Could not find checkpointing statistics for checkpoint 1.',
      ],
      [
        'GET',
        `${job}/checkpoints/${NOBODY}`,
        404,
        '%handler|There is no checkpoint operation with triggerId=%nobody for job %job.',
      ],
      [
        'GET',
        `${job}/savepoints/${NOBODY}`,
        404,
        '%handler|There is no savepoint operation with triggerId=%nobody for job %job.',
      ],
      [
        'POST',
        `${job}/savepoints`,
        400,
        '%handler|Config key [execution.checkpointing.savepoint-dir] is not set. Property [target-directory] must be provided.',
      ],
      [
        'POST',
        '/savepoint-disposal',
        400,
        '%handler|Field savepoint-path must not be omitted or be null.',
      ],
      [
        'PATCH',
        `${job}/rescaling?parallelism=3`,
        503,
        '%handler|Rescaling is temporarily disabled. See FLINK-12312.',
      ],
      [
        'GET',
        `${job}/rescales/config`,
        404,
        '%handler|AdaptiveScheduler is not enabled for this job (%job).',
      ],
      ['GET', `${job}/resource-requirements`, 500, server],
      [
        'PUT',
        `${job}/resource-requirements`,
        400,
        '%handler|Request body does not specify resource requirements.',
      ],
      [
        'PATCH',
        `${job}/clientHeartbeat`,
        400,
        '%handler|Request did not match expected format JobClientHeartbeatRequestBody.',
      ],
      ['GET', '/taskmanagers/nosuch', 500, server],
      ['GET', '/taskmanagers/nosuch/logs', 404, '%handler|Could not find TaskExecutor nosuch'],
      ['GET', pathOf('/taskmanagers/:taskmanagerid/logs/nosuch'), 500, server],
      ['GET', `/applications/${NOBODY}`, 500, server],
      ['POST', `/applications/${NOBODY}/cancel`, 404, '%handler|Application could not be found.'],
      ['GET', '/jobmanager/logs/nosuch', 404, 'This file does not exist in JobManager log dir.'],
      ['POST', '/jars/upload', 400, '%handler|Exactly 1 file must be sent, received 0.'],
      ['POST', '/jars/nosuch/run', 500, server],
      [
        'POST',
        `/jars/${jar}/run?parallelism=x`,
        400,
        '%handler|Bad request, could not parse parameters: Cannot resolve query parameter (parallelism) from value "x".',
      ],
      [
        'POST',
        '/jobs',
        501,
        '%handler|This engine cannot execute Java StreamGraphs; submit a TypeScript bundle by /jars/upload or its own CLI.',
      ],
    ];
    for (const [method, path, status, text] of cases) {
      const answer = await rig.call(method, path);
      const wanted = [status, filled(text)];
      assert.deepEqual([answer.status, answer.json.errors[0]], wanted, `${method} ${path}`);
    }
    assert.deepEqual((await rig.get(`/jobs/${NOBODY}/metrics`)).json, []);
    assert.deepEqual((await rig.get(`${job}/vertices/${NOBODY}/backpressure`)).json, {
      status: 'deprecated',
    });
  });

  test('a failure is told with place and cause, and without the secrets in its text', async () => {
    const { json } = await rig.get(`/jobs/${failed}/exceptions`);
    const [entry] = json.exceptionHistory.entries;
    assert.equal(entry.exceptionName, 'millrace.USER_CODE_FAILED');
    assert.match(entry.stacktrace, /boom at postgres:\/\/\*{6}@db\/x/);
    const { json: result } = await rig.get(`/jobs/${failed}/execution-result`);
    assert.equal(result['job-execution-result']['application-status'], 'FAILED');
    assert.doesNotMatch(JSON.stringify([json, result]), /hunter2/);
    const serialized = result['job-execution-result']['failure-cause']['serialized-throwable'];
    assert.doesNotMatch(Buffer.from(serialized, 'base64').toString('latin1'), /hunter2/);
    const { json: settings } = await rig.get(`/jobs/${endless}/config`);
    assert.deepEqual(settings['execution-config']['user-config'], {
      password: '******',
      'parallelism.default': '2',
    });
  });

  test('a job runs to its end, is listed and counted', async () => {
    const short = await rig.run(jar, { programArgsList: [], entryClass: 'short' });
    const { 'job-execution-result': result } = await rig.ending(short);
    assert.equal(result['application-status'], 'SUCCEEDED');
    assert.equal(result.accumulators.find(({ name }: any) => name === 'records')?.value, 10);
    const { json: counted } = await rig.get(`/jobs/${short}/accumulators`);
    assert.ok(counted['user-task-accumulators'].some(({ value }: any) => value === '10'));
    assert.deepEqual(counted['serialized-user-task-accumulators'], {});
    const asked = `/jobs/${short}/accumulators?includeSerializedValue=true`;
    const ofJava = (await rig.get(asked)).json['serialized-user-task-accumulators'];
    assert.deepEqual(result['accumulator-results'], ofJava);
    assert.equal(ofJava.records, javaAccumulator(10));
    const { json: all } = await rig.get('/jobs/overview');
    const row = all.jobs.find(({ jid }: any) => jid === short);
    assert.deepEqual([row.name, row.state, row.tasks.finished], ['short', 'FINISHED', 1]);
  });

  test('what cannot be run says why', async () => {
    const run = async (body: object) => (await rig.call('POST', `/jars/${jar}/run`, body)).json;
    const { error } = await run({ exportName: 'nosuch' });
    assert.deepEqual([error.code, error.parameters.name], ['JOB_EXPORT_NOT_FOUND', 'nosuch']);
    assert.match(
      (await run({ exportName: 'short', savepointPath: '/x' })).errors[0],
      /There is no savepoint of this engine at \/x|\/x/,
    );
    assert.match((await run({ flinkConfiguration: { 'a.b': 'c' } })).errors[0], /a\.b/);
    assert.match((await run({ programArgsList: ['x'] })).errors[0], /is not name=value/);
    const { errors } = await run({ exportName: 'short', graphFingerprint: 'another' });
    assert.match(errors[0], /built another graph than the one submitted/);
    const { json } = await rig.get(`/jars/${jar}/plan?entry-class=endless&parallelism=3`);
    assert.equal(json.plan.nodes[0].parallelism, 3);
  });

  test('what is no bundle is refused and leaves nothing', async () => {
    const files = (await rig.get('/jars')).json.files.length;
    const upload = async (text: string, name: string) => {
      const form = new FormData();
      form.append('jarfile', new Blob([text]), name);
      const { status, json } = await rig.fetch('/jars/upload', { method: 'POST', body: form });
      return [status, json.errors[0]];
    };
    assert.match(String(await upload('PK\x03\x04', 'a.jar')), /^400,.*not a bundle of a job/);
    assert.match(String(await upload(BUNDLE, 'a.zip')), /^400,.*Only Jar files are allowed/);
    assert.match(String(await upload(BUNDLE.replace('0.0.7', '9.9.9'), 'a.jar')), /^400,.*9\.9\.9/);
    assert.equal((await rig.get('/jars')).json.files.length, files);
    const id = await rig.upload(BUNDLE, '..\\..//../../etc/cron.d/..%2fevil .jar');
    assert.match(id, /^[0-9a-f-]{36}_[A-Za-z0-9._-]+$/);
    assert.equal((await rig.call('DELETE', `/jars/${id}`)).status, 200);
    assert.equal((await rig.call('DELETE', `/jars/${id}`)).status, 400);
  });

  test('a job is cancelled as the dashboard and the command line do it', async () => {
    const other = await rig.run(jar, { exportName: 'endless' });
    for (const [job, cancelled] of [
      [other, rig.get(`/jobs/${other}/yarn-cancel`)],
      [endless, rig.call('PATCH', `/v1/jobs/${endless}?mode=cancel`)],
    ] as const) {
      const { status, json } = await cancelled;
      assert.deepEqual([status, json], [202, {}]);
      const { 'job-execution-result': result } = await rig.ending(job);
      assert.equal(result['application-status'], 'CANCELED');
    }
  });

  test('who asks what is in the audit log, without the token', async () => {
    const lines = rig.lines.filter((line) => line.startsWith('info audit: ')).join('\n');
    assert.match(lines, /audit: submit a job \{.*"by":"token","from":"127\.0\.0\.1"/);
    assert.match(lines, /audit: cancel a job/);
    assert.match(lines, /audit: read the settings of a job/);
    assert.ok(!lines.includes(TOKEN) && !lines.includes('hunter2'));
  });

  test('a browser is let in by a link that works once', async () => {
    const { json } = await rig.call('POST', '/login');
    const open = (url: string, headers: Readonly<Record<string, string>> = {}) =>
      rig.fetch(new URL(url).pathname, { headers: { authorization: 'none', ...headers } });
    const first = await open(json.url);
    assert.deepEqual([first.status, first.headers.get('location')], [303, '/']);
    const cookie = first.headers.get('set-cookie')!;
    assert.match(cookie, /HttpOnly; SameSite=Strict/);
    assert.equal((await open(json.url)).status, 403);
    const overview = `${rig.url}/overview`;
    assert.equal((await open(overview)).status, 401);
    assert.equal((await open(overview, { cookie: cookie.split(';')[0]! })).status, 200);
  });
});

test('files are read by a name in their list and by no other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-logs-'));
  const secret = `${folder}-secret`;
  await writeFile(secret, 'secret');
  await writeFile(join(folder, 'main.log'), 'x'.repeat(600_000));
  await writeFile(join(folder, 'main.out'), 'printed');
  await writeFile(join(folder, 'a b.log'), 'second');
  await mkdir(join(folder, 'folder'));
  await using rig = await RestRig.start({}, { token: TOKEN, logs: folder });
  const { json } = await rig.get('/jobmanager/logs');
  assert.deepEqual(
    json.logs.map(({ name, size }: any) => [name, size]),
    [
      ['a b.log', 6],
      ['main.log', 600_000],
      ['main.out', 7],
    ],
  );
  assert.equal((await rig.get('/jobmanager/stdout')).text, 'printed');
  assert.equal((await rig.get('/jobmanager/log')).text.length, 600_000);
  const taskManager = `/taskmanagers/${(await rig.get('/taskmanagers')).json.taskmanagers[0].id}`;
  assert.deepEqual((await rig.get(`${taskManager}/logs`)).json, json);
  assert.equal((await rig.get(`${taskManager}/logs/main.log`)).text.length, 600_000);
  assert.match((await rig.get(`${taskManager}/log`)).text, /^The file LOG does not exist/);
  assert.match((await rig.get(`${taskManager}/stdout`)).text, /^The file STDOUT does not exist/);
  assert.equal((await rig.get('/jobmanager/logs/a%20b.log')).text, 'second');
  const up = `..%252f${secret.slice(secret.lastIndexOf('/') + 1)}`;
  for (const name of ['folder', up, '..%2f..%2fetc%2fpasswd', 'main.log%00']) {
    for (const [component, refusal] of [
      ['/jobmanager', [404]],
      [taskManager, [404, 500]],
    ] as const) {
      const { status, text } = await rig.get(`${component}/logs/${name}`);
      assert.ok(
        refusal.some((each) => each === status),
        `${component} ${name}: ${status}`,
      );
      assert.doesNotMatch(text, /secret$/);
    }
  }
  await rm(folder, { recursive: true });
  await rm(secret);
});

test('the ports of slots: where they listen, and that they do not for a job in one process', async () => {
  await using rig = await RestRig.start();
  const jar = await rig.upload();
  const look = async (parallelism: number) => {
    const job = await rig.run(jar, { exportName: 'endless', parallelism });
    const { vertices } = await rig.running(job);
    const vertex = await rig.get(`/jobs/${job}/vertices/${vertices[1].id}`);
    const endpoints: string[] = vertex.json.subtasks.map((each: any) => each.endpoint);
    const { taskmanagers } = (await rig.get('/taskmanagers')).json;
    const { json } = await rig.get(`/taskmanagers/${taskmanagers[0].id}`);
    await rig.call('PATCH', `/jobs/${job}?mode=cancel`);
    await rig.ending(job);
    const ports: number[] = taskmanagers.map((each: any) => each.dataPort);
    return { endpoints, ports, slots: json.allocatedSlots.map((each: any) => each.dataPort) };
  };
  const spread = await look(4);
  assert.equal(new Set(spread.endpoints).size, 4);
  for (const port of [...spread.ports, ...spread.slots]) {
    assert.ok(
      spread.endpoints.some((each) => each.endsWith(`:${port}`)),
      `${port}`,
    );
  }
  assert.equal(spread.slots[0], spread.ports[0]);
  const small = await look(1);
  assert.match(small.endpoints.join(), /^[\w.]+$/);
  assert.deepEqual(small.ports, [-1, -1]);
});

test('profiles: off unless they are allowed; modes and durations that are refused', async () => {
  await using rig = await RestRig.start();
  const [{ id }] = (await rig.get('/taskmanagers')).json.taskmanagers;
  for (const path of ['/jobmanager/profiler', `/taskmanagers/${id}/profiler`]) {
    const post = (mode: string, duration: number) => rig.call('POST', path, { mode, duration });
    for (const answer of [await rig.get(path), await post('CPU', 5), await rig.get(`${path}/x`)]) {
      assert.equal(answer.status, 404);
      assert.match(answer.text, /Profiling is off\. Set rest\.profiling\.enabled: true/);
    }
    for (const [mode, duration, why] of [
      ['LOCK', 5, /LOCK is not supported\. Threads of this engine share no objects/],
      ['X', 5, /X is not supported\. There is no such mode\. Use CPU, ITIMER, WALL, ALLOC\./],
      ['CPU', 0, /`duration` must be set between \(0s, 300s\]/],
      ['CPU', 301, /`duration` must be set between/],
    ] as const) {
      const { status, text } = await post(mode, duration);
      assert.equal(status, 400);
      assert.match(text, why);
    }
  }
  const unknown = await rig.get('/taskmanagers/nobody/profiler');
  assert.equal(unknown.status, 404);
});

test('a cluster is shut down by its client, and listens to strangers only under protection', async () => {
  await using rig = await RestRig.start({ 'web.submit.enable': 'false' });
  assert.equal((await rig.get('/config')).json.features['web-submit'], false);
  assert.equal((await rig.get('/jars')).status, 404);
  assert.equal((await rig.call('DELETE', '/cluster')).status, 200);
  await rig.ended;
  for (const [token, code] of [
    [undefined, 'REST_UNPROTECTED'],
    [TOKEN, 'CONFIG_INSECURE_BIND'],
  ] as const) {
    const starting = RestRig.start({ 'rest.bind-address': '0.0.0.0' }, { token });
    await assert.rejects(starting, (error) => isEngineError(error, code));
  }
  await using open = await RestRig.start({}, { token: undefined });
  const headers = { authorization: 'none' };
  assert.equal((await open.fetch('/overview', { headers })).status, 200);
});

test('J1, J4, U1, U2: what was uploaded is there after a restart, if there is a folder for it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-uploads-'));
  const uploads = join(folder, 'flink-web-upload');
  const settings = { 'web.upload.dir': folder };
  const listed = async (rig: RestRig): Promise<readonly string[]> =>
    (await rig.get('/jars')).json.files.map(({ id }: { readonly id: string }) => id);
  let kept = '';
  {
    await using rig = await RestRig.start(settings);
    kept = await rig.upload();
    const gone = await rig.upload();
    assert.equal((await rig.call('DELETE', `/jars/${gone}`)).status, 200);
    const form = new FormData();
    form.append('jarfile', new Blob(['no bundle']), 'other.jar');
    const refused = await rig.fetch('/jars/upload', { method: 'POST', body: form });
    assert.notEqual(refused.status, 200);
    assert.deepEqual(await readdir(uploads), [kept]);
  }
  await writeFile(join(uploads, `${kept}.part`), 'broken off');
  await writeFile(join(uploads, 'notes.txt'), 'of somebody else');
  const spoilt = kept.replace(/^.{8}/, '00000000');
  await writeFile(join(uploads, spoilt), 'no bundle');
  await using rig = await RestRig.start(settings);
  assert.deepEqual(await listed(rig), [kept]);
  assert.ok(rig.lines.some((line) => line.includes('cannot be used') && line.includes(spoilt)));
  assert.deepEqual(await readdir(uploads), [spoilt, kept, 'notes.txt'].toSorted());
  const job = await rig.run(kept, { entryClass: 'short' });
  assert.equal((await rig.ending(job))['job-execution-result']['application-status'], 'SUCCEEDED');
  await using forgetful = await RestRig.start();
  assert.deepEqual(await listed(forgetful), []);
  await rm(folder, { recursive: true });
});
