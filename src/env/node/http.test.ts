/** Server and client over real sockets: limits, bodies, parts, streams, and their ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test } from 'node:test';
import tls from 'node:tls';
import { isEngineError } from '../../base/errors.ts';
import type { ErrorCode } from '../../base/errors.ts';
import { milliseconds, seconds } from '../../base/units.ts';
import type { Log } from '../env.ts';
import type {
  HttpAnswer,
  HttpClientRequest,
  HttpHandler,
  HttpLimits,
  HttpListener,
} from '../http.ts';
import { createAuthority, issueCertificate } from './certificates.ts';
import { nodeHttpClient } from './http-client.ts';
import { nodeHttpServer } from './http-server.ts';

const silent: Log = { write: () => {}, with: () => silent };
const LIMITS: HttpLimits = {
  headerBytes: 16 * 1024,
  connections: 100,
  headerTimeout: seconds(10),
  requestTimeout: seconds(20),
  keepAliveTimeout: seconds(5),
};
const client = nodeHttpClient();

function listen(handler: HttpHandler, limits: Partial<HttpLimits> = {}) {
  const options = { host: '127.0.0.1', port: 0, limits: { ...LIMITS, ...limits } };
  return nodeHttpServer(silent).listen(options, handler);
}

function ask(
  port: number,
  options: Partial<HttpClientRequest> & { path?: string } = {},
): Promise<HttpAnswer> {
  const url = `http://127.0.0.1:${port}${options.path ?? '/'}`;
  return client.request({ method: 'GET', url, headers: {}, timeout: seconds(10), ...options });
}

async function text(answer: HttpAnswer): Promise<string> {
  return new TextDecoder().decode(await answer.bytes(1 << 20));
}

function answer(body: string | Uint8Array | AsyncIterable<Uint8Array>, status = 200) {
  return { status, headers: { 'content-type': 'text/plain' }, body };
}

async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    assert.ok(isEngineError(error), String(error));
    return error.code;
  }
}

/** Sends bytes as they are and gives what comes back until the connection ends. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    let received = '';
    socket.on('data', (data) => (received += data.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(received));
  });
}

async function connections(server: HttpListener, count: number): Promise<void> {
  while ((await server.connectionCount()) < count) await new Promise(setImmediate);
}

describe('an HTTP server', () => {
  test('hands over method, target and headers, and takes a GET with a body', async () => {
    await using server = await listen(async ({ method, target, headers, secure }) =>
      answer(JSON.stringify({ method, target, type: headers['content-type'], secure })),
    );
    const received = await ask(server.port, {
      path: '/v1/x%2fy?a=%20b',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: Buffer.from('{}'),
    });
    assert.equal(received.status, 200);
    assert.deepEqual(JSON.parse(await text(received)), {
      method: 'GET',
      target: '/v1/x%2fy?a=%20b',
      type: 'application/json',
      secure: false,
    });
  });

  test('a connection goes on after a GET whose body nobody read', async () => {
    await using server = await listen(async ({ target }) => answer(target));
    const get = (path: string, rest: string) =>
      `GET ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n${rest}\r\n\r\n{}`;
    const all = await raw(server.port, get('/a', 'A: b') + get('/b', 'Connection: close'));
    assert.match(all, /\r\n\r\n\/aHTTP\/1\.1 200 OK[^]*\r\n\r\n\/b$/);
  });

  test('a body beyond the limit is refused, and the refusal is heard', async () => {
    const codes: unknown[] = [];
    await using server = await listen(async (request) => {
      codes.push(await codeOf(request.body(1000)));
      return answer('too large', 413);
    });
    const announced = await ask(server.port, { method: 'POST', body: new Uint8Array(300_000) });
    assert.deepEqual([announced.status, await text(announced)], [413, 'too large']);
    const chunk = `${(2000).toString(16)}\r\n${'x'.repeat(2000)}\r\n`;
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    assert.match(await raw(server.port, head + chunk), /^HTTP\/1\.1 413 /);
    assert.deepEqual(codes, ['HTTP_BODY_TOO_LARGE', 'HTTP_BODY_TOO_LARGE']);
  });

  test('who expects to be told to go on is refused before the body', async () => {
    await using server = await listen(async () => answer('no', 401));
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n';
    const received = await raw(server.port, `${head}Expect: 100-continue\r\n\r\n`);
    assert.match(received, /^HTTP\/1\.1 401 /);
  });

  test('headers beyond 16 KiB, no HTTP, two framings at once and slow headers end', async () => {
    await using server = await listen(async () => answer('fine'), {
      headerTimeout: milliseconds(50),
      requestTimeout: milliseconds(100),
    });
    const { port } = server;
    const large = `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(17 * 1024)}\r\n\r\n`;
    const smuggled =
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
    const answers = await Promise.all([
      raw(port, large),
      raw(port, 'SSH-2.0-x\r\n\r\n'),
      raw(port, smuggled),
      raw(port, 'GET / HTTP/1.1\r\nHo'),
      raw(port, 'GET / HTTP/1.1\r\n\r\n'),
    ]);
    assert.deepEqual(
      answers.map((each) => each.slice(9, 12)),
      ['431', '400', '400', '408', '400'],
    );
  });

  test('has no more connections than it may: the one that waits longest goes (L1)', async () => {
    await using server = await listen(async () => answer('fine'), { connections: 2 });
    // One has said half of its head, one has an answer and nothing more to ask.
    const silentOne = raw(server.port, 'GET / HTTP/1.1\r\nHo');
    await connections(server, 1);
    const answered = raw(server.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await connections(server, 2);
    for (let i = 0; i < 3; i++) {
      const received = await ask(server.port, { headers: { connection: 'close' } });
      assert.equal(await text(received), 'fine');
    }
    assert.equal(await silentOne, '');
    await server[Symbol.asyncDispose]();
    assert.match(await answered, /\r\n\r\nfine$/);
  });

  test('does not send away whom it is answering (L2)', async () => {
    const open = Promise.withResolvers<void>();
    const asked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using server = await listen(
      async ({ target }) => {
        asked[Number(target.slice(1))]!.resolve();
        await open.promise;
        return answer('fine');
      },
      { connections: 2 },
    );
    const asking = [0, 1].map((i) => ask(server.port, { path: `/${i}` }));
    await Promise.all(asked.map((each) => each.promise));
    assert.equal(await raw(server.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'), '');
    open.resolve();
    for (const received of await Promise.all(asking)) assert.equal(await text(received), 'fine');
  });

  test('the one that waits longest goes with TLS too, before and after its handshake', async () => {
    const authority = createAuthority({ name: 'authority', validDays: 1 });
    const issued = issueCertificate(authority, { name: 'x', hosts: ['127.0.0.1'], validDays: 1 });
    const options = { host: '127.0.0.1', port: 0, limits: { ...LIMITS, connections: 2 } };
    const secured = { ...options, tls: issued };
    await using server = await nodeHttpServer(silent).listen(secured, async () => answer('fine'));
    const { port } = server;
    const plain = raw(port, '');
    await connections(server, 1);
    const ca = authority.certificate;
    const silentOne = tls.connect({ host: '127.0.0.1', port, ca });
    await once(silentOne, 'secureConnect');
    silentOne.on('error', () => undefined);
    const left = once(silentOne.resume(), 'close');
    const received = await ask(port, { url: `https://127.0.0.1:${port}/`, authorities: ca });
    assert.equal(await text(received), 'fine');
    assert.equal(await plain, '');
    const others = [raw(port, ''), raw(port, '')];
    await left;
    // H3: those too that have not said a word of TLS.
    await server[Symbol.asyncDispose]();
    await Promise.all(others);
  });

  test('who does not come through the handshake of TLS is gone in time', async () => {
    const authority = createAuthority({ name: 'authority', validDays: 1 });
    const tls = issueCertificate(authority, { name: 'x', hosts: ['127.0.0.1'], validDays: 1 });
    const limits = { ...LIMITS, headerTimeout: milliseconds(50) };
    const options = { host: '127.0.0.1', port: 0, limits, tls };
    await using server = await nodeHttpServer(silent).listen(options, async () => answer('fine'));
    await Promise.all([raw(server.port, ''), raw(server.port, 'GET / HTTP/1.1\r\n\r\n')]);
  });

  test('answers HEAD like GET without a body, and sends none with 204 and 304', async () => {
    let ended = false;
    await using server = await listen(async ({ target }) => {
      async function* pieces() {
        yield Buffer.from('fine');
      }
      if (target !== '/stream') return answer('fine', Number(target.slice(1)));
      const body = pieces();
      const end = body.return.bind(body);
      body.return = (value) => {
        ended = true;
        return end(value);
      };
      return answer(body);
    });
    const request = (line: string) => `${line} HTTP/1.1\r\nHost: x\r\n`;
    const received = await raw(
      server.port,
      ['HEAD /200', 'HEAD /404', 'GET /204', 'GET /304', 'HEAD /stream', 'GET /200']
        .map((line, i) => `${request(line)}${i === 5 ? 'Connection: close\r\n' : ''}\r\n`)
        .join(''),
    );
    const answers = received.split(/(?=HTTP\/1\.1 )/);
    assert.deepEqual(
      answers.map((each) => [each.slice(9, 12), each.split('\r\n\r\n')[1]]),
      [...[200, 404, 204, 304, 200].map((status) => [String(status), '']), ['200', 'fine']],
    );
    assert.match(answers[0]!, /content-length: 4\r\n/i);
    assert.ok(ended);
  });

  test('a taken port is NETWORK_FAILED', async () => {
    await using server = await listen(async () => answer(''));
    const options = { host: '127.0.0.1', port: server.port, limits: LIMITS };
    const again = nodeHttpServer(silent).listen(options, async () => answer(''));
    assert.equal(await codeOf(again), 'NETWORK_FAILED');
  });
});

describe('a streamed answer', () => {
  test('comes piece by piece, and is ended when the client has gone', async () => {
    const ended = Promise.withResolvers<void>();
    let asked = 0;
    await using server = await listen(async (request) => {
      async function* pieces() {
        try {
          for (;;) {
            asked += 1;
            yield new Uint8Array(64 * 1024);
            if (request.signal.aborted) return;
          }
        } finally {
          ended.resolve();
        }
      }
      return answer(pieces());
    });
    const received = await ask(server.port);
    for await (const piece of received.stream()) {
      assert.ok(piece.byteLength > 0);
      break;
    }
    await ended.promise;
    assert.ok(asked < 1000, `${asked} pieces were made for a client that took one`);
  });

  test('is ended when the server closes', async () => {
    const ended = Promise.withResolvers<void>();
    const server = await listen(async ({ signal }) => {
      async function* pieces() {
        yield Buffer.from('first');
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        ended.resolve();
      }
      return answer(pieces());
    });
    const received = await ask(server.port);
    const reading = received.bytes(1000);
    await server[Symbol.asyncDispose]();
    await ended.promise;
    assert.equal(new TextDecoder().decode(await reading), 'first');
    assert.equal(await codeOf(ask(server.port)), 'NETWORK_FAILED');
  });
});

describe('an upload', () => {
  const FORM = { 'content-type': 'multipart/form-data; boundary=XX' };

  function part(name: string, content: string, fileName?: string): string {
    const file = fileName === undefined ? '' : `; filename="${fileName}"`;
    return `--XX\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${content}\r\n`;
  }

  async function upload(body: string, limits = { parts: 3, totalBytes: 100_000 }, headers = FORM) {
    const seen: [string, string | undefined, string][] = [];
    let code: ErrorCode | undefined;
    await using server = await listen(async (request) => {
      const reading = async (): Promise<void> => {
        for await (const { name, fileName, content } of request.parts(limits)) {
          let all = '';
          for await (const bytes of content) all += new TextDecoder().decode(bytes);
          seen.push([name, fileName, all.length > 100 ? `${all.length} bytes` : all]);
        }
      };
      code = await codeOf(reading());
      return answer(code ?? 'read');
    });
    const { port } = server;
    const received = await ask(port, { method: 'POST', headers, body: Buffer.from(body) });
    assert.equal(await text(received), code ?? 'read');
    return { seen, code };
  }

  test('has its parts in order, and the name of a file without its folders', async () => {
    const body = `${part('request', '{}')}${part('jarfile', 'x'.repeat(90_000), '../../etc/a.js')}--XX--\r\n`;
    assert.deepEqual(await upload(body), {
      seen: [
        ['request', undefined, '{}'],
        ['jarfile', 'a.js', '90000 bytes'],
      ],
      code: undefined,
    });
  });

  test('beyond its limits, cut off or of another type is refused', async () => {
    const long = `${part('a', 'x'.repeat(2000), 'a')}--XX--\r\n`;
    assert.equal((await upload(long, { parts: 3, totalBytes: 1000 })).code, 'HTTP_BODY_TOO_LARGE');
    const many = `${part('a', '1')}${part('b', '2')}${part('c', '3')}--XX--\r\n`;
    assert.equal((await upload(many, { parts: 2, totalBytes: 1000 })).code, 'HTTP_BODY_MALFORMED');
    assert.equal((await upload(part('a', 'no end', 'f'))).code, 'HTTP_BODY_MALFORMED');
    assert.equal(
      (await upload('{}', undefined, { 'content-type': 'application/json' })).code,
      'HTTP_BODY_MALFORMED',
    );
    assert.equal(
      (await upload('', undefined, { 'content-type': 'multipart/form-data;' })).code,
      'HTTP_BODY_MALFORMED',
    );
  });

  test('whose client is gone is HTTP_ABORTED, and nothing waits for ever', async () => {
    const failed = Promise.withResolvers<ErrorCode | undefined>();
    await using server = await listen(async (request) => {
      const reading = async (): Promise<void> => {
        for await (const { content } of request.parts({ parts: 2, totalBytes: 1e6 })) {
          for await (const bytes of content) assert.ok(bytes.byteLength > 0);
        }
      };
      failed.resolve(await codeOf(reading()));
      return answer('');
    });
    const socket = net.connect(server.port, '127.0.0.1');
    const body = part('a', 'x'.repeat(100), 'f');
    const head = `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ${FORM['content-type']}\r\n`;
    socket.write(`${head}Content-Length: 100000\r\n\r\n${body}`, () => socket.destroy());
    assert.equal(await failed.promise, 'HTTP_ABORTED');
  });
});

describe('an HTTP client', () => {
  test('gives up when no answer comes', async () => {
    const open = Promise.withResolvers<void>();
    await using server = await listen(async () => {
      await open.promise;
      return answer('');
    });
    const waiting = ask(server.port, { timeout: milliseconds(20) });
    assert.equal(await codeOf(waiting), 'HTTP_TIMEOUT');
    open.resolve();
  });

  test('says so when an answer is longer than it may be, or breaks off', async () => {
    const begun = Promise.withResolvers<void>();
    await using server = await listen(async ({ target }) => {
      async function* breaking() {
        yield Buffer.from('some');
        await begun.promise;
        throw new Error('it breaks');
      }
      return answer(target === '/long' ? 'x'.repeat(5000) : breaking());
    });
    const long = await ask(server.port, { path: '/long' });
    assert.equal(await codeOf(long.bytes(100)), 'HTTP_BODY_TOO_LARGE');
    const broken = await ask(server.port, { path: '/broken' });
    begun.resolve();
    assert.equal(await codeOf(broken.bytes(100)), 'HTTP_ABORTED');
  });
});
