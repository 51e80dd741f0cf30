// Attacks on the REST interface of a whole cluster, over raw sockets where a client would tidy up
// what it sends: the payloads of Flink's CVEs, pages of other sites, and secrets planted to be
// found.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { redactText } from '../base/redact-text.ts';
import { BUNDLE, RestRig, TOKEN } from './rest.test-kit.ts';

const outside = mkdtempSync(join(tmpdir(), 'millrace-outside-'));
const logs = join(outside, 'deep', 'log');
/** Lies beside and above the folder of logs. */
const LOOT = 'root:x:0:0:loot';
const EVIL = 'http://evil.example';
/** Headers of somebody without the token. */
const BARE = 'Host: 127.0.0.1\r\nConnection: close\r\n';

let rig: RestRig;
let ids: Readonly<Record<string, string>>;

before(async () => {
  mkdirSync(logs, { recursive: true });
  writeFileSync(join(logs, 'main.log'), 'a line\n');
  for (const folder of [outside, join(outside, 'deep')]) writeFileSync(join(folder, 'loot'), LOOT);
  process.env['MILLRACE_CANARY_TOKEN'] = 'canary-of-the-environment';
  rig = await RestRig.start(
    {
      'metrics.reporter.otel.exporter.endpoint': 'http://user:canary-of-a-url@127.0.0.1:1',
      'millrace.security.secret-file': '/nowhere',
    },
    { token: TOKEN, logs },
  ).catch(() => RestRig.start({}, { token: TOKEN, logs }));
  const jar = await rig.upload();
  const job = await rig.run(jar, {
    exportName: 'endless',
    parameters: { password: 'canary-of-a-parameter' },
  });
  const failed = await rig.run(jar, { exportName: 'fails' });
  await rig.running(job);
  await rig.ending(failed);
  const { json } = await rig.get('/taskmanagers');
  const { vertices } = (await rig.get(`/jobs/${job}`)).json;
  ids = {
    ...{ jobid: job, jarid: jar, taskmanagerid: json.taskmanagers[0].id, failed },
    ...{ vertexid: vertices[0].id, subtaskindex: '0', attempt: '0', filename: 'main.log' },
    ...{ checkpointid: '1', triggerid: '0'.repeat(32), operatorid: '0'.repeat(32) },
  };
});

after(async () => {
  await rig[Symbol.asyncDispose]();
  rmSync(outside, { recursive: true });
  delete process.env['MILLRACE_CANARY_TOKEN'];
});

/** The bytes of an answer to bytes that no client would send. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = net.connect(rig.server.port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (data: Buffer) => (answer += data.toString('latin1')));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' ? resolve(answer) : reject(error),
    );
    socket.on('close', () => resolve(answer));
  });
}

function request(line: string, headers: readonly string[] = [], body: string = ''): string {
  const all = [line, 'Host: 127.0.0.1', `Authorization: Bearer ${TOKEN}`, 'Connection: close'];
  return `${[...all, ...headers].join('\r\n')}\r\n\r\n${body}`;
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
}

/** The path of an endpoint with ids that exist. */
function filled(path: string): string {
  return path.replaceAll(/:([a-z]+)/gi, (_whole, name: string) => ids[name.toLowerCase()] ?? '0');
}

describe('paths', () => {
  const UP: readonly string[] = [
    ...['../', '..%2f', '..%252f', '%2e%2e%2f', '%252e%252e%252f', '..%c0%af', '..%c1%9c', '..\\'],
    ...['..%5c', '..%255c', '.%2e/', '..;/', '....//', '%2e%2e/', '..%00/', '\u2025/'],
  ];

  test('never lead out of the folder of logs (CVE-2020-17519)', async () => {
    const places = [
      '/jobmanager/logs/',
      '/v1/jobmanager/logs/',
      filled('/taskmanagers/:taskmanagerid/logs/'),
    ];
    const targets = places.flatMap((place) => [
      ...UP.flatMap((up) => [`${place}${up}loot`, `${place}${up}${up}loot`]),
      ...[
        `${place}${join(outside, 'loot')}`,
        `${place}/${outside}/loot`,
        `${place}main.log/../../loot`,
      ],
      ...[`${place}%2f${encodeURIComponent(join(outside, 'loot'))}`, `${place}.`, `${place}..`],
    ]);
    targets.push(
      '/../loot',
      '/%2e%2e/loot',
      '//etc/passwd',
      '/jobmanager/../../loot',
      '/./jars/..',
    );
    for (const target of targets) {
      const answer = await raw(request(`GET ${target} HTTP/1.1`));
      assert.ok(!answer.includes(LOOT), target);
      // Flink's answer about a file that a TaskManager does not have.
      const unknown = statusOf(answer) === 500 && answer.includes('Failed to transfer file from');
      assert.ok(
        unknown || (statusOf(answer) >= 400 && statusOf(answer) < 500),
        `${target}: ${answer.slice(0, 80)}`,
      );
    }
    assert.match(await raw(request('GET /jobmanager/logs/main.log HTTP/1.1')), /a line/);
  });

  test('of an upload come from nobody but the server (CVE-2020-17518)', async () => {
    const names = [
      ...['../../../../../../tmp/millrace-evil.jar', '/tmp/millrace-evil.jar', '..\\..\\evil.jar'],
      ...['..%2f..%2fevil.jar', 'a/../../evil.jar', '.jar', 'x\0.jar', `${'a'.repeat(5000)}.jar`],
    ];
    for (const name of names) {
      const boundary = 'edge';
      const body =
        `--${boundary}\r\nContent-Disposition: form-data; name="jarfile"; filename="${name}"\r\n` +
        `Content-Type: application/x-java-archive\r\n\r\n${BUNDLE}\r\n--${boundary}--\r\n`;
      const answer = await raw(
        request(
          'POST /jars/upload HTTP/1.1',
          [
            `Content-Type: multipart/form-data; boundary=${boundary}`,
            `Content-Length: ${Buffer.byteLength(body)}`,
          ],
          body,
        ),
      );
      assert.ok([200, 400].includes(statusOf(answer)), `${name}: ${answer.slice(0, 200)}`);
      const stored = /uploads\/([^"]+)"/.exec(answer)?.[1] ?? '';
      assert.ok(!/^\.|[\\/\0]/.test(stored), `${name} is stored as ${stored}`);
    }
    assert.ok(!existsSync('/tmp/millrace-evil.jar'));
    assert.deepEqual(readdirSync(outside).sort(), ['deep', 'loot']);
    for (const jar of ['..', '../loot', '%2e%2e%2floot', '..%252floot', '/etc/passwd']) {
      for (const method of ['DELETE', 'POST']) {
        const path = method === 'POST' ? `/jars/${jar}/run` : `/jars/${jar}`;
        const answer = await raw(request(`${method} ${path} HTTP/1.1`, ['Content-Length: 0']));
        assert.ok(statusOf(answer) >= 400 && !answer.includes(LOOT), `${method} ${path}`);
      }
    }
    assert.ok(existsSync(join(outside, 'loot')));
  });
});

describe('who asks', () => {
  test('without the token nobody reaches an endpoint, but to log in', async () => {
    const open: string[] = [];
    for (const { method, path } of rig.server.endpoints) {
      const target = filled(path);
      const answer = await raw(`${method} ${target} HTTP/1.1\r\n${BARE}Content-Length: 0\r\n\r\n`);
      if (![401, 429].includes(statusOf(answer))) open.push(`${method} ${path}`);
    }
    assert.deepEqual(
      open.filter((each) => !each.includes('login')),
      [],
    );
  });

  test('a token in the URL is none, and is in no log', async () => {
    for (const query of [
      `token=${TOKEN}`,
      `access_token=${TOKEN}`,
      `authorization=Bearer%20${TOKEN}`,
    ]) {
      const answer = await raw(`GET /overview?${query} HTTP/1.1\r\n${BARE}\r\n`);
      assert.ok([401, 429].includes(statusOf(answer)), query);
      assert.ok(!answer.includes(TOKEN));
      await raw(request(`GET /jobs/x?${query} HTTP/1.1`));
      await raw(request(`POST /jars/x/run?${query} HTTP/1.1`, ['Content-Length: 0']));
    }
    assert.ok(!rig.lines.some((line) => line.includes(TOKEN)), 'in the log');
  });

  test('a page of another site, or a name bound to this machine, changes and reads nothing', async () => {
    for (const host of [
      'evil.example',
      'evil.example:8081',
      '127.0.0.1.evil.example',
      'a@127.0.0.1',
      '',
    ]) {
      const answer = await raw(
        request('GET /overview HTTP/1.1').replace('Host: 127.0.0.1', `Host: ${host}`),
      );
      assert.ok([400, 403].includes(statusOf(answer)), `${host}: ${answer.slice(0, 60)}`);
    }
    const foreign = [
      [`Origin: ${EVIL}`],
      ['Origin: null'],
      ['Sec-Fetch-Site: cross-site'],
      [`Origin: ${EVIL}`, 'Content-Type: text/plain'],
    ];
    const changing = rig.server.endpoints.filter(
      ({ method, changes }) => changes ?? method !== 'GET',
    );
    assert.ok(changing.length > 20);
    for (const { method, path } of changing) {
      for (const headers of foreign) {
        const line = `${method} ${filled(path)} HTTP/1.1`;
        const answer = await raw(request(line, [...headers, 'Content-Length: 0']));
        assert.equal(statusOf(answer), 403, `${line} ${headers.join()}: ${answer.slice(0, 80)}`);
      }
    }
    assert.equal((await rig.get(`/jobs/${ids['jobid']}`)).json.state, 'RUNNING');
  });

  test('no site is allowed to read answers', async () => {
    const preflight = await raw(
      request('OPTIONS /jobs/overview HTTP/1.1', [
        ...[`Origin: ${EVIL}`, 'Access-Control-Request-Method: DELETE'],
        'Access-Control-Request-Headers: authorization',
      ]),
    );
    const read = await raw(request('GET /jobs/overview HTTP/1.1', [`Origin: ${EVIL}`]));
    for (const answer of [preflight, read]) {
      assert.doesNotMatch(answer, /access-control-allow/i);
    }
    assert.match(read, /cross-origin-resource-policy: same-origin/i);
  });
});

describe('what is sent', () => {
  const json = (body: string, path = filled('/jars/:jarid/run')): string =>
    request(
      `POST ${path} HTTP/1.1`,
      ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`],
      body,
    );

  test('is bounded: headers, JSON by length and without one, and how deep it goes', async () => {
    const long = await raw(request('GET /overview HTTP/1.1', [`X-Long: ${'a'.repeat(20_000)}`]));
    assert.equal(statusOf(long), 431);
    const many = Array.from({ length: 4000 }, (_, i) => `X-${i}: a`);
    assert.equal(statusOf(await raw(request('GET /overview HTTP/1.1', many))), 431);
    assert.equal(statusOf(await raw(request(`GET /${'a'.repeat(9000)} HTTP/1.1`))), 400);
    const large = await raw(json(`{"x":"${'a'.repeat(1_100_000)}"}`));
    assert.equal(statusOf(large), 413);
    const piece = `8000\r\n${'a'.repeat(0x8000)}\r\n`;
    const endless = await raw(
      request(
        `POST ${filled('/jars/:jarid/run')} HTTP/1.1`,
        ['Content-Type: application/json', 'Transfer-Encoding: chunked'],
        piece.repeat(60),
      ),
    );
    assert.ok([413, 0].includes(statusOf(endless)), endless.slice(0, 80));
    for (const deep of ['['.repeat(400_000), '{"a":'.repeat(150_000)]) {
      assert.equal(statusOf(await raw(json(deep))), 400);
    }
    const nested = `{"parameters":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`;
    const answer = await raw(json(nested));
    assert.ok(statusOf(answer) >= 400 && statusOf(answer) <= 500, answer.slice(0, 80));
    assert.equal((await rig.get('/overview')).status, 200);
  });

  test('pollutes no prototype', async () => {
    const bodies = [
      '{"__proto__":{"polluted":1},"exportName":"short"}',
      '{"constructor":{"prototype":{"polluted":1}},"exportName":"short"}',
      '{"parameters":{"__proto__":{"polluted":1}},"exportName":"short"}',
      '{"flinkConfiguration":{"__proto__":"1","constructor":"1"},"exportName":"short"}',
    ];
    for (const body of bodies) {
      const answer = await raw(json(body));
      assert.ok([200, 400].includes(statusOf(answer)), `${body}: ${answer.slice(0, 300)}`);
      assert.equal(({} as Readonly<Record<string, unknown>>)['polluted'], undefined);
      assert.equal(({} as Readonly<Record<string, unknown>>)['1'], undefined);
    }
    for (const path of [
      '/jobs/__proto__',
      '/jobs/constructor',
      '/taskmanagers/__proto__',
      '/__proto__',
    ]) {
      const answer = await raw(request(`GET ${path} HTTP/1.1`));
      assert.ok(statusOf(answer) >= 400, `${path}: ${answer}`);
    }
  });

  test('in two ways at once is refused, and answers cannot be split', async () => {
    const both = await raw(
      request(
        'POST /jars/upload HTTP/1.1',
        ['Content-Length: 5', 'Transfer-Encoding: chunked'],
        '0\r\n\r\nGET /overview HTTP/1.1\r\n\r\n',
      ),
    );
    assert.equal(statusOf(both), 400);
    assert.equal(both.split('HTTP/1.1 ').length, 2, 'one answer');
    const split = await raw(request('GET /jobs/x%0d%0aSet-Cookie:%20a=b HTTP/1.1'));
    assert.doesNotMatch(split.split('\r\n\r\n')[0]!, /set-cookie/i);
    assert.equal(statusOf(await raw('GET / HTTP/1.1\nHost: 127.0.0.1\nX: a\n b\n\n')), 400);
  });
});

test('no secret that was planted comes out of any endpoint or log', async () => {
  let answers = 0;
  const found: string[] = [];
  const look = (where: string, text: string): void => {
    for (const secret of [/canary-[a-z-]+/, /hunter2/, RegExp(TOKEN)]) {
      if (secret.test(text)) found.push(`${where}: ${secret.exec(text)![0]}`);
    }
  };
  const gets = rig.server.endpoints.filter(({ method }) => method === 'GET');
  for (const { path, changes } of gets) {
    if (changes === true || path.endsWith('/client-messages')) continue;
    for (const job of [ids['jobid']!, ids['failed']!]) {
      const target = filled(path).replace(ids['jobid']!, job);
      const answer = await rig.get(target);
      answers += answer.status === 200 ? 1 : 0;
      look(target, answer.text);
      if (target.endsWith('/metrics')) {
        const names = (answer.json as readonly { id: string }[]).map(({ id }) => id);
        look(target, (await rig.get(`${target}?get=${names.join()}`)).text);
      }
    }
  }
  assert.ok(answers > 60, `${answers} endpoints answered`);
  // As the log of a process writes them (env/node/log.ts, L3).
  for (const line of rig.lines) look('log', redactText(line));
  assert.deepEqual(found, []);
});
