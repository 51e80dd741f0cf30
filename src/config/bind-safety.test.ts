import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import { checkBind, isLoopback } from './bind-safety.ts';
import type { BindRequest } from './bind-safety.ts';
import { Configuration } from './configuration.ts';

const plain: BindRequest = {
  ...{ what: 'the REST interface', host: '0.0.0.0', hostKey: 'rest.bind-address' },
  ...{ authenticated: false, encrypted: false, remedy: 'Set security.ssl.rest.enabled: true.' },
};

test('addresses of this machine, and no others, are loopback', () => {
  const here = ['127.0.0.1', '127.8.9.255', 'localhost', 'LocalHost', '::1', '[::1]'];
  for (const host of [...here, '::ffff:127.0.0.1']) assert.ok(isLoopback(host), host);
  const elsewhere = [
    ...['0.0.0.0', '::', '[::]', '', '10.0.0.1', '192.168.1.7', 'fe80::1', '2001:db8::1'],
    ...['127.0.0.1.example.com', 'localhost.example.com', 'my-host', '127.1', '2130706433'],
    ...['0x7f.0.0.1', '127.0.0.256', '127.0.0.01', '127.0.0.1 ', '1270.0.0.1', '::ffff:10.0.0.1'],
    ...['128.0.0.1', '::2', '0177.0.0.1', '127.0.0.1\n', '*'],
  ];
  for (const host of elsewhere) assert.ok(!isLoopback(host), host);
});

test('what others can reach needs authentication and TLS, or somebody who writes it out', () => {
  const insecure = Configuration.parse({ 'millrace.security.insecure-bind': 'true' });
  const alias = Configuration.parse({ 'security.insecure-bind': 'true' });
  for (const host of ['0.0.0.0', '127.0.0.1']) {
    for (const authenticated of [true, false]) {
      for (const encrypted of [true, false]) {
        const request = { ...plain, host, authenticated, encrypted };
        const safe = host === '127.0.0.1' || (authenticated && encrypted);
        if (safe) assert.equal(checkBind(Configuration.empty, request), undefined);
        else assert.throws(() => checkBind(Configuration.empty, request), isInsecureBind);
        for (const written of [insecure, alias]) {
          assert.equal(checkBind(written, request) === undefined, safe);
        }
      }
    }
  }
});

test('the error says what listens where, what is missing, and all three ways out', () => {
  assert.throws(
    () => checkBind(Configuration.empty, { ...plain, authenticated: true }),
    (error) => {
      assert.ok(isEngineError(error, 'CONFIG_INSECURE_BIND'));
      assert.match(
        error.message,
        /^The REST interface would listen on 0\.0\.0\.0.* without TLS\.$/,
      );
      assert.match(error.fix!, /Set security\.ssl\.rest\.enabled: true\./);
      assert.match(error.fix!, /rest\.bind-address: 127\.0\.0\.1/);
      assert.match(error.fix!, /--insecure-bind/);
      return true;
    },
  );
  const insecure = Configuration.parse({ 'millrace.security.insecure-bind': 'true' });
  assert.equal(
    checkBind(insecure, plain),
    'the REST interface listens on 0.0.0.0 without authentication and TLS: whoever reaches it can use it',
  );
});

function isInsecureBind(error: unknown): boolean {
  return isEngineError(error, 'CONFIG_INSECURE_BIND');
}
