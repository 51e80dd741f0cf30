/** What is answered before any handler: routes, parameters, bodies, and who may ask from where. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { minutes } from '../base/units.ts';
import type { Log, LogFields, Random } from '../env/env.ts';
import { ManualClock } from '../rpc/manual-clock.test-kit.ts';
import { Access } from './access.ts';
import type { AccessOptions } from './access.ts';
import { endpoint, rawEndpoint } from './endpoint.ts';
import { jsonOf, requestOf, textOf } from './http-request.test-kit.ts';
import type { RequestParts } from './http-request.test-kit.ts';
import * as parameters from './parameters.ts';
import { serverError } from './rest-error.ts';
import { RestHandler } from './rest-handler.ts';
import { Router } from './router.ts';
import * as shape from './shape.ts';

const TOKEN = 'a'.repeat(64);
const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };
const ID = '0123456789abcdef0123456789ABCDEF';

const ENDPOINTS = [
  endpoint({
    method: 'GET',
    path: '/jobs/overview',
    summary: '',
    answer: shape.text,
    handle: () => 'overview',
  }),
  endpoint({
    method: 'GET',
    path: '/jobs/:jobid',
    summary: '',
    parameters: { jobid: parameters.jobId },
    query: { max: parameters.whole('') },
    answer: shape.anything,
    handle: ({ path, query }) => ({ job: path.jobid, max: query.max, ratio: NaN, big: 2n ** 63n }),
  }),
  endpoint({
    method: 'POST',
    path: '/jobs/:jobid/stop',
    summary: '',
    parameters: { jobid: parameters.jobId },
    body: {
      format: 'StopBody',
      shape: shape.object({ drain: shape.boolean, target: shape.absent(shape.text) }),
    },
    answer: shape.anything,
    status: 202,
    audit: 'stop a job',
    handle: ({ body }) => body,
  }),
  endpoint({
    method: 'GET',
    path: '/jobs/:jobid/yarn-cancel',
    summary: '',
    parameters: { jobid: parameters.jobId },
    changes: true,
    audit: 'cancel a job',
    answer: shape.anything,
    handle: () => ({}),
  }),
  endpoint({
    method: 'GET',
    path: '/fails',
    summary: '',
    answer: shape.anything,
    handle: () => {
      throw serverError('java.lang.X', 'at postgres://me:pw@db with password=hunter2');
    },
  }),
  rawEndpoint({
    method: 'GET',
    path: '/logs/:name',
    summary: '',
    parameters: { name: parameters.fileName },
    produces: 'text/plain',
    handle: async ({ path }) => ({ contentType: 'text/plain', body: path.name }),
  }),
];

interface Line {
  readonly message: string;
  readonly fields: LogFields | undefined;
}

function serve(options: Partial<AccessOptions> = {}) {
  const lines: Line[] = [];
  const log: Log = {
    write: (_level, message, fields) => void lines.push({ message, fields }),
    with: () => log,
  };
  let draws = 0;
  const random: Random = {
    uint32: () => 4,
    below: () => 0,
    bytes: (count) => new Uint8Array(count).fill(++draws),
    uuid: () => 'x',
    buggify: () => false,
  };
  const clock = new ManualClock();
  const access = new Access({ clock, random, token: TOKEN, hosts: ['engine.example'], ...options });
  const openRouter = new Router([]);
  const handler = new RestHandler({ router: new Router(ENDPOINTS), openRouter, access, log });
  const ask = async (target: string, parts: RequestParts = {}) => {
    const headers = { ...AUTHORIZED, ...parts.headers };
    const response = await handler.handle(requestOf(target, { ...parts, headers }));
    const json = String(response.headers['content-type']).startsWith('application/json');
    return { ...response, json: json ? jsonOf(response) : undefined };
  };
  return { ask, access, lines, clock };
}

describe('paths and parameters', () => {
  const { ask } = serve();

  test('are found with and without /v1, text before parameters', async () => {
    assert.equal((await ask('/jobs/overview')).json, 'overview');
    assert.equal((await ask('/v1/jobs/overview/')).json, 'overview');
    const answer = await ask(`/v1/jobs/${ID}?max=3,4&max=5`);
    const { json } = answer;
    assert.deepEqual([json.job, json.max, json.ratio], [ID.toLowerCase(), [3, 4, 5], 'NaN']);
    assert.match(textOf(answer), /"big":9223372036854775808/);
  });

  test('are found by HEAD where GET changes nothing', async () => {
    const { ask, lines } = serve();
    const head = { method: 'HEAD' };
    assert.equal((await ask('/jobs/overview', head)).status, 200);
    assert.equal(
      (await ask('/jobs/overview', { ...head, headers: { authorization: '' } })).status,
      401,
    );
    assert.equal((await ask(`/jobs/${ID}/stop`, head)).status, 404);
    const changing = await ask(`/jobs/${ID}/yarn-cancel`, head);
    assert.deepEqual([changing.status, changing.headers['allow']], [405, 'GET']);
    assert.deepEqual(lines, []);
  });

  test('that are unknown or wrong are answered in the words of Flink', async () => {
    const texts = async (target: string, method = 'GET') => {
      const { status, json } = await ask(target, { method });
      return [status, json.errors[0]];
    };
    const bad =
      'org.apache.flink.runtime.rest.handler.RestHandlerException: Bad request, could not parse parameters: ';
    assert.deepEqual(await texts('/nosuch'), [404, 'Unable to load requested file /nosuch.']);
    assert.deepEqual(await texts('/nosuch', 'POST'), [404, 'Not found: /nosuch']);
    assert.deepEqual(await texts('/jobs/overview', 'PUT'), [404, 'Not found: /jobs/overview']);
    assert.deepEqual(await texts('/jobs/xyz'), [
      400,
      `${bad}Cannot resolve path parameter (jobid) from value "xyz".`,
    ]);
    assert.deepEqual(await texts(`/jobs/${ID}?max=1,x`), [
      400,
      `${bad}Cannot resolve query parameter (max) from value "1,x".`,
    ]);
  });

  test('a name never leads out of its segment', async () => {
    assert.equal((await ask('/logs/a%20b.log')).body, 'a b.log');
    // Decoded once: what is left of a double encoding is a name like others.
    assert.equal((await ask('/logs/..%252f..%252fetc%252fpasswd')).body, '..%2f..%2fetc%2fpasswd');
    for (const name of ['..%2fx', '%2e%2e', '..', 'a%5cb', 'a%00', '%', '%ff', 'a%0d%0ab']) {
      assert.equal((await ask(`/logs/${name}`)).status, 404, name);
    }
    assert.equal((await ask('/logs/../../etc/passwd')).status, 404);
    assert.equal((await ask('http://localhost/jobs/overview')).status, 400);
    assert.equal((await ask(`/logs/${'x'.repeat(9000)}`)).status, 400);
  });
});

describe('bodies', () => {
  const { ask } = serve();
  const post = (body: string, headers: Readonly<Record<string, string>> = {}) =>
    ask(`/jobs/${ID}/stop`, { method: 'POST', body, headers });

  test('are JSON of the declared form', async () => {
    const { status, json } = await post('{"drain":true,"target":null}');
    assert.deepEqual([status, json], [202, { drain: true, target: null }]);
  });

  test('that are not so are refused with what is wrong', async () => {
    const format =
      'org.apache.flink.runtime.rest.handler.RestHandlerException: Request did not match expected format StopBody.';
    for (const [body, problem] of [
      ['', /request\.drain: true or false is wanted/],
      ['{"drain":"yes"}', /request\.drain: true or false/],
      ['{"drain":true,"x":1}', /no field "x"/],
      ['{"drain":true,"target":5}', /request\.target: a text/],
      ['[', /JSON/],
      ['null', /an object is wanted/],
      ['{"drain":true,"__proto__":{"x":1}}', /__proto__/],
      [`{"drain":${'['.repeat(100)}`, /nested more than 64 deep/],
      ['"\\"[[[['.repeat(200), /nested|JSON/],
    ] as const) {
      const { status, json } = await post(body);
      assert.deepEqual([status, json.errors[0]], [400, format], body);
      assert.match(json.errors[1], problem);
    }
  });

  test('must say that they are JSON, and be text', async () => {
    assert.equal((await post('{"drain":true}', { 'content-type': 'text/plain' })).status, 415);
    const bytes = new Uint8Array([0x22, 0xff, 0x22]);
    assert.equal((await ask(`/jobs/${ID}/stop`, { method: 'POST', body: bytes })).status, 400);
  });
});

describe('who may ask', () => {
  test('only who has the token, whatever the path', async () => {
    const { ask } = serve();
    for (const authorization of ['', 'Bearer', `Bearer ${TOKEN}x`, `Bearer ${'b'.repeat(64)}`]) {
      for (const target of ['/jobs/overview', '/nosuch']) {
        const { status, headers, json } = await ask(target, { headers: { authorization } });
        assert.deepEqual([status, headers['www-authenticate']], [401, 'Bearer realm="millrace"']);
        assert.match(json.errors[0], /token/);
      }
    }
  });

  test('A3: who guesses is told to slow down, and who has the token is let in', async () => {
    const told: string[] = [];
    const { ask, clock } = serve({ onRefused: (from) => void told.push(from) });
    const guess = () => ask('/jobs/overview', { headers: { authorization: 'Bearer guess' } });
    const statuses = [];
    for (let i = 0; i < 25; i++) statuses.push((await guess()).status);
    assert.deepEqual([statuses[19], statuses[20], statuses[24]], [401, 429, 429]);
    assert.deepEqual(told, ['127.0.0.1', '127.0.0.1', '127.0.0.1', '127.0.0.1', '127.0.0.1']);
    assert.equal((await ask('/jobs/overview')).status, 200);
    await clock.pass(minutes(2));
    assert.equal((await guess()).status, 401);
  });

  test('A2: a login opens a session once', async () => {
    const { ask, access, clock } = serve();
    const code = access.createLogin();
    const cookie = access.login(code, true)!;
    assert.match(cookie, /; HttpOnly; SameSite=Strict; Path=\/; Max-Age=43200; Secure$/);
    assert.equal(access.login(code, true), undefined);
    const headers = { authorization: '', cookie: `a=b; ${cookie.split(';')[0]}` };
    assert.equal((await ask('/jobs/overview', { headers })).status, 200);
    await clock.pass(minutes(13 * 60));
    assert.equal((await ask('/jobs/overview', { headers })).status, 401);
    const late = access.createLogin();
    await clock.pass(minutes(2));
    assert.equal(access.login(late, false), undefined);
  });

  test('everybody, where no token is wanted', async () => {
    const { ask } = serve({ token: undefined });
    assert.equal((await ask('/jobs/overview', { headers: { authorization: '' } })).status, 200);
  });
});

describe('from where', () => {
  test('by an address or a known name; another name may be one that was bound to us', async () => {
    const { ask } = serve();
    const statusOf = async (host: string) =>
      (await ask('/jobs/overview', { headers: { host } })).status;
    for (const host of ['127.0.0.1:8081', '[::1]:8081', 'LOCALHOST', 'engine.example.:8081']) {
      assert.equal(await statusOf(host), 200, host);
    }
    for (const host of [
      'evil.example',
      'localhost.evil.example',
      '',
      'a@localhost',
      'localhost x',
    ]) {
      assert.equal(await statusOf(host), 403, host);
    }
  });

  test('pages of other sites change nothing', async () => {
    const { ask } = serve();
    const cancel = async (headers: Readonly<Record<string, string>>) =>
      (await ask(`/jobs/${ID}/yarn-cancel`, { headers })).status;
    assert.equal(await cancel({}), 200);
    assert.equal(await cancel({ origin: 'http://localhost:8081' }), 200);
    assert.equal(await cancel({ 'sec-fetch-site': 'same-origin' }), 200);
    assert.equal(await cancel({ origin: 'http://localhost:9999' }), 403);
    assert.equal(await cancel({ origin: 'https://evil.example' }), 403);
    assert.equal(await cancel({ origin: 'null' }), 403);
    assert.equal(await cancel({ 'sec-fetch-site': 'cross-site' }), 403);
    assert.equal(await cancel({ 'sec-fetch-site': 'none' }), 403);
    const read = await ask('/jobs/overview', { headers: { origin: 'https://evil.example' } });
    assert.equal(read.status, 200);
    assert.deepEqual(
      Object.keys(read.headers).filter((name) => name.startsWith('access-control')),
      [],
    );
  });
});

describe('every answer', () => {
  test('has the headers that browsers need, and no secrets', async () => {
    const { ask, lines } = serve();
    const { status, headers, json } = await ask('/fails');
    assert.equal(status, 500);
    assert.equal(json.errors[0], 'Internal server error.');
    assert.match(
      json.errors[1],
      /^<Exception on server side:\njava\.lang\.X: at postgres:\/\/\*\*\*\*\*\*@db with password=\*\*\*\*\*\*/,
    );
    assert.match(lines[0]!.message, /REST call failed.*\*{6}@db/s);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cache-control'], 'no-store');
    assert.match(headers['content-security-policy']!, /default-src 'none'/);
  });

  test('R2: to what changes something is in the audit log, without the token', async () => {
    const { ask, lines } = serve();
    await ask(`/jobs/${ID}/stop`, { method: 'POST', body: '{"drain":true}' });
    await ask(`/jobs/${ID}/stop`, { method: 'POST', body: '{}', remote: '192.0.2.1' });
    await ask('/jobs/overview');
    assert.deepEqual(
      lines.map(({ message, fields }) => [message, fields]),
      [
        [
          'audit: stop a job',
          { audit: 'stop a job', status: 202, by: 'token', from: '127.0.0.1', jobid: ID },
        ],
        [
          'audit: stop a job',
          { audit: 'stop a job', status: 400, by: 'token', from: '192.0.2.1', jobid: ID },
        ],
      ],
    );
  });
});
