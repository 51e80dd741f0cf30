// The source of lines from a server, over a simulated network that cuts bytes anywhere.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../../base/errors.ts';
import { seconds } from '../../base/units.ts';
import type { Connection, Env } from '../../env/env.ts';
import { drive, onDisk } from '../files/files.test-kit.ts';
import { socketText } from './socket-source.ts';

/** Sends the pieces to the nth client, then ends as said. */
interface Visit {
  readonly pieces: readonly (string | Uint8Array)[];
  readonly end: 'close' | 'destroy' | 'stay';
}

async function serve(env: Env, visits: readonly Visit[]): Promise<AsyncDisposable> {
  let count = 0;
  const listener = await env.network.listen('localhost', 9999, (connection) => {
    const visit = visits[count++];
    connection.start({ data: () => undefined, drained: () => undefined, closed: () => undefined });
    if (visit === undefined) connection.destroy();
    else send(env, connection, visit, 0);
  });
  return listener;
}

function send(env: Env, connection: Connection, visit: Visit, from: number): void {
  const piece = visit.pieces[from];
  if (piece !== undefined) {
    connection.send(typeof piece === 'string' ? new TextEncoder().encode(piece) : piece.slice());
    env.clock.after(seconds(0.01), () => send(env, connection, visit, from + 1));
  } else if (visit.end === 'close') connection.close();
  else if (visit.end === 'destroy') connection.destroy();
}

const local = { host: 'localhost', port: 9999 };

describe('socket', () => {
  test('K2: every line once and in order, wherever the bytes are cut', () => {
    const body = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '😀'), maxLength: 30 }));
    const cuts = fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 30 });
    return fc.assert(
      fc.asyncProperty(
        body,
        cuts,
        fc.boolean(),
        fc.integer({ min: 1, max: 3 }),
        (lines, at, end, perPoll) =>
          onDisk(1, async (env) => {
            const bytes = new TextEncoder().encode(lines.join('\n') + (end ? '\n' : ''));
            const pieces: Uint8Array[] = [];
            let rest = bytes;
            for (const length of at) {
              pieces.push(rest.subarray(0, length));
              rest = rest.subarray(length);
            }
            pieces.push(rest);
            const visit: Visit = {
              pieces: pieces.filter(({ length }) => length > 0),
              end: 'close',
            };
            await using _server = await serve(env, [visit]);
            const { collected, ended } = await drive(env, socketText(local), { perPoll });
            assert.ok(ended);
            const expected =
              lines.join('\n') === '' && !end ? [] : lines.length === 0 ? [''] : [...lines];
            if (!end && expected.at(-1) === '') expected.pop();
            assert.deepEqual(collected, [expected]);
          }),
      ),
      { seed: 21, numRuns: 200 },
    );
  });

  test('a line of many pieces', () =>
    onDisk(2, async (env) => {
      const piece = 'x'.repeat(50_000);
      const pieces = [...Array.from({ length: 15 }, () => piece), '\nend'];
      await using _server = await serve(env, [{ pieces, end: 'close' }]);
      const { collected } = await drive(env, socketText(local));
      assert.deepEqual(collected, [[piece.repeat(15), 'end']]);
    }));

  test('nobody listens', () =>
    onDisk(2, (env) =>
      assert.rejects(drive(env, socketText(local)), (error) =>
        isEngineError(error, 'NETWORK_FAILED'),
      ),
    ));

  test('a connection that breaks off fails, after the lines that came', () =>
    onDisk(2, async (env) => {
      await using _server = await serve(env, [{ pieces: ['a\nb\nc'], end: 'destroy' }]);
      await assert.rejects(drive(env, socketText(local)), (error) =>
        isEngineError(error, 'CONNECTOR_SOCKET_CLOSED'),
      );
    }));

  test('K1: reconnect goes on after every end, and half a line never becomes one', () =>
    onDisk(2, async (env) => {
      const server = await serve(env, [
        { pieces: ['a\nhal'], end: 'destroy' },
        { pieces: ['b\n'], end: 'close' },
        { pieces: ['c\nd\n'], end: 'stay' },
      ]);
      const source = socketText({ ...local, reconnect: seconds(1) });
      const { collected, ended } = await drive(env, source, { stopAfter: 4 });
      assert.deepEqual(collected, [['a', 'b', 'c', 'd']]);
      assert.equal(ended, false);
      await server[Symbol.asyncDispose]();
    }));

  test('a line without end, or not UTF-8', () =>
    onDisk(2, async (env) => {
      const long: Visit = {
        pieces: Array.from({ length: 20 }, () => 'x'.repeat(100)),
        end: 'stay',
      };
      const bad: Visit = { pieces: ['a\n', new Uint8Array([0xff, 10]), 'b\n'], end: 'close' };
      await using _server = await serve(env, [long, bad, bad]);
      await assert.rejects(drive(env, socketText({ ...local, lineBytesMax: 1000 })), (error) =>
        isEngineError(error, 'CONNECTOR_LINE_TOO_LONG'),
      );
      await assert.rejects(drive(env, socketText(local)), (error) => {
        assert.ok(isEngineError(error, 'CONNECTOR_MALFORMED_LINE'));
        assert.match(error.message, /^socket\(localhost:9999\):2:1: .*from byte 2 on/s);
        return true;
      });
      const { collected, counters } = await drive(env, socketText({ ...local, onError: 'skip' }));
      assert.deepEqual([collected, counters], [[['a', 'b']], { malformedLines: 1 }]);
    }));

  test('with parallelism above 1 one subtask reads, the others end', () =>
    onDisk(2, async (env) => {
      await using _server = await serve(env, [{ pieces: ['a\n'], end: 'close' }]);
      const { collected, ended } = await drive(env, socketText(local), { parallelism: 3 });
      assert.deepEqual([collected.flat(), ended], [['a'], true]);
    }));
});
