// Which cluster a command talks to, how it finds the token, and what it says when nobody, or
// somebody else, answers.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Answer } from './cluster.test-kit.ts';
import { TestCluster } from './cluster.test-kit.ts';
import type { Surroundings } from './command.test-kit.ts';

const HOME = '/home/me';
const clusters = `${HOME}/.millrace/clusters`;
const TOKEN = 'ab'.repeat(32);

const DEFAULT = `${clusters}/default/cluster.json`;

function started(id: string, restUrl: string): Readonly<Record<string, string>> {
  const file = { version: 1, clusterId: id, restUrl, jobManager: 'x:1', processes: [], hosts: [] };
  return {
    [`${clusters}/${id}/cluster.json`]: JSON.stringify(file),
    [`${clusters}/${id}/rest-token`]: `${TOKEN}\n`,
  };
}

/** `URL authorization` of the call that `millrace list` makes. */
async function asked(surroundings: Surroundings, ...args: readonly string[]): Promise<string> {
  const cluster = new TestCluster({ 'GET /jobs/overview': { jobs: [] } });
  const variables = { HOME, ...surroundings.variables };
  const { stderr } = await cluster.run(['list', ...args], { ...surroundings, variables });
  assert.equal(stderr, '');
  const [{ url, headers }] = cluster.asked as [(typeof cluster.asked)[0]];
  return `${url.replace('/jobs/overview', '')} ${headers['authorization'] ?? 'nothing'}`;
}

test('the cluster that is named, configured or started here', async () => {
  const files = started('default', 'http://127.0.0.1:4711');
  assert.equal(await asked({}), 'http://localhost:8081 nothing');
  assert.equal(await asked({ files }), `http://127.0.0.1:4711 Bearer ${TOKEN}`);
  assert.equal(await asked({ files }, '-m', 'far'), 'http://far:8081 nothing');
  assert.equal(await asked({ files }, '-m', 'far:1'), 'http://far:1 nothing');
  assert.equal(await asked({ files }, '-m', '[::2]:1'), 'http://[::2]:1 nothing');
  assert.equal(await asked({ files }, '-m', 'https://far/'), 'https://far nothing');
  assert.equal(await asked({ files }, '-Drest.address=far'), 'http://far:8081 nothing');
  assert.equal(await asked({ files }, '-Drest.port=5'), 'http://localhost:5 nothing');
  assert.equal(await asked({}, '-Drest.address=::2'), 'http://[::2]:8081 nothing');
  assert.equal(await asked({}, '-Djobmanager.rpc.address=far'), 'http://far:8081 nothing');
  const https = '-Dsecurity.ssl.rest.enabled=true';
  assert.equal(await asked({ files }, https, '-m', 'far:1'), 'https://far:1 nothing');
  assert.equal(await asked({}, https, '-Drest.port=5'), 'https://localhost:5 nothing');
  const other = { files: { ...files, ...started('other', 'http://localhost:4712') } };
  assert.equal(await asked(other, '-Dcluster.id=other'), `http://localhost:4712 Bearer ${TOKEN}`);
});

test('a cluster that is asked for by name and is not known to run', async () => {
  // A JobManager in the foreground with this id has made its token there.
  const files = { [`${clusters}/x/rest-token`]: `${TOKEN}\n` };
  assert.equal(await asked({ files }, '-Dcluster.id=x'), `http://localhost:8081 Bearer ${TOKEN}`);
  assert.equal(await asked({ files }), 'http://localhost:8081 nothing', 'nobody asked for x');

  const nobody = new TestCluster({});
  nobody.refusals = Infinity;
  const missing = await nobody.run(['list', '-Dcluster.id=x']);
  assert.equal(
    missing.stderr,
    [
      'error[REST_CLUSTER_NOT_RUNNING]: The cluster "x" does not run on this machine, and there is none at http://localhost:8081: the connection was refused.',
      '  fix: Start it with `millrace cluster start -D cluster.id=x`, or name another with --jobmanager HOST:PORT.',
      '',
    ].join('\n'),
  );

  // Another one at that port is not asked in its place.
  const record = { role: 'jobmanager', name: 'jobmanager', pid: 7, identity: 'i', log: '' };
  const file = JSON.parse(started('default', 'http://localhost:8081')[DEFAULT]!) as object;
  const running = { ...file, processes: [record] };
  const other = { ...files, [DEFAULT]: JSON.stringify(running) };
  const cluster = new TestCluster({ 'GET /jobs/overview': { jobs: [] } });
  const ask = (identity: string) => {
    const processes = { identify: async () => identity } as never;
    return cluster.run(['list', '-Dcluster.id=x'], { files: other, env: { processes } });
  };
  const refused = await ask('i');
  assert.match(refused.stderr, /^error\[REST_OTHER_CLUSTER\]: .*"x" does not run.*"default"/);
  assert.deepEqual(cluster.calls, []);
  // Of that one only its file is left.
  assert.equal((await ask('another process')).code, 0);
});

test('the token of the cluster with that address, or the one that is given', async () => {
  const files = { ...started('default', 'http://127.0.0.1:4711'), '/here/token': 'other\n' };
  assert.equal(
    await asked({ files }, '-m', 'localhost:4711'),
    `http://localhost:4711 Bearer ${TOKEN}`,
  );
  assert.equal(await asked({ files }, '-m', 'localhost:4712'), 'http://localhost:4712 nothing');
  assert.equal(
    await asked({ files }, '-m', 'far:1', '--token-file', 'token'),
    'http://far:1 Bearer other',
  );
  const variables = { MILLRACE_REST_TOKEN: 'mine' };
  assert.equal(await asked({ files, variables }, '-m', 'far:1'), 'http://far:1 Bearer mine');
  const nobody = new TestCluster({ 'GET /jobs/overview': { jobs: [] } });
  assert.equal((await nobody.run(['list'], { variables: {} })).code, 0, 'no home, no cluster here');
});

async function failure(
  cluster: TestCluster,
  args: readonly string[] = ['list'],
  surroundings: Surroundings = {},
): Promise<string> {
  const { code, stderr } = await cluster.run(args, surroundings);
  assert.equal(code, 1);
  return stderr;
}

describe('what a beginner runs into', () => {
  test('no cluster', async () => {
    const cluster = new TestCluster({});
    cluster.refusals = Infinity;
    const said = [
      'error[REST_UNREACHABLE]: There is no cluster at http://localhost:8081: the connection was refused.',
      '  fix: Start one with `millrace cluster start`, or name another with --jobmanager HOST:PORT.',
      '',
    ].join('\n');
    assert.equal(await failure(cluster), said);
    for (const command of ['cancel', 'stop', 'savepoint', 'checkpoint'])
      assert.equal(await failure(cluster, [command, 'a'.repeat(32)]), said);
  });

  test('something else at the port', async () => {
    for (const answer of [
      [200, '<html>'],
      [404, 'nginx'],
      [500, '{"a":1}'],
    ] as Answer[]) {
      const said = await failure(new TestCluster({ 'GET /jobs/overview': answer }));
      assert.match(
        said,
        /^error\[REST_NO_CLUSTER\]: What answers at http:\/\/localhost:8081 is no/,
      );
    }
  });

  test('the wrong token, or none', async () => {
    const errors = ['The REST interface needs the token of the cluster.'];
    const cluster = new TestCluster({ 'GET /jobs/overview': [401, { errors }] });
    const none = await failure(cluster);
    assert.match(
      none,
      /^error\[REST_UNAUTHORIZED\]: .*No cluster of this machine has this address\./,
    );
    assert.match(none, /fix: .*--token-file.*MILLRACE_REST_TOKEN/);
    const variables = { MILLRACE_REST_TOKEN: 'mine' };
    const wrong = await failure(cluster, ['list'], { variables });
    assert.match(wrong, /That of MILLRACE_REST_TOKEN was sent\./);
    assert.doesNotMatch(wrong, /mine/);
    const forbidden = new TestCluster({ 'GET /jobs/overview': [403, { errors: ['a.B: No.'] }] });
    assert.match(
      await failure(forbidden),
      /^error\[REST_FORBIDDEN\]: .* does not allow this: No\.\n/,
    );
  });

  test('no address, no token, no such option', async () => {
    const cluster = new TestCluster({});
    const files = { '/here/two': 'a b', '/here/none': '' };
    const of = (...args: readonly string[]) => failure(cluster, ['list', ...args], { files });
    for (const wrong of ['a b', 'far:99999', 'far/x', 'ftp://far', 'me@far', '']) {
      assert.match(
        await of('-m', wrong),
        /^error\[CLI_(?:ADDRESS_INVALID|OPTION_VALUE_MISS)/,
        wrong,
      );
    }
    assert.match(await of('--token-file', 'nowhere'), /^error\[IO_NOT_FOUND\]/);
    assert.match(await of('--token-file', 'two'), /^error\[CLI_TOKEN_FILE_INVALID\]/);
    assert.match(await of('--token-file', 'none'), /^error\[CLI_TOKEN_FILE_INVALID\]/);
    assert.match(await of('--runing'), /Did you mean "--running"\?/);
    assert.match(await of('-D', 'rest.prot=1'), /Did you mean "rest\.port"\?/);
    const type = await failure(cluster, ['savepoint', 'a'.repeat(32), '-type', 'good']);
    assert.match(
      type,
      /^error\[CLI_VALUE_INVALID\]: -type cannot be "good"\.\n {2}fix: It must be/,
    );
  });

  test('a cluster that cannot just now, and one that fails', async () => {
    const of = async (answer: Answer) => failure(new TestCluster({ 'GET /jobs/overview': answer }));
    const busy = await of([503, { errors: ['Service temporarily unavailable.'] }]);
    assert.match(busy, /^error\[REST_UNAVAILABLE\]: .*nobody who could answer/);
    const exception =
      '<Exception on server side:\na.b.C: It broke.\n\tat d\nEnd of exception on server side>';
    const broken = await of([500, { errors: ['Internal server error.', exception] }]);
    assert.match(broken, /^error\[REST_REFUSED\]: .* refuses this \(HTTP 500\): It broke\.\n/);
    const parameters = { key: 'a.b', suggestion: '' };
    const error = { code: 'CONFIG_UNKNOWN_OPTION', parameters, scope: {} };
    const own = await of([400, { errors: ['x'], error }]);
    assert.equal(own, 'error[CONFIG_UNKNOWN_OPTION]: There is no option a.b.\n');
  });
});
