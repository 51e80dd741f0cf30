// A store that is killed in the middle of an upload, a commit or a small write: what is visible is
// whole or not there, what was promised is kept, and everything can be gone on with afterwards.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { isEngineError } from '../../src/base/errors.ts';
import { Prng } from '../../src/base/prng.ts';
import { pattern } from '../../src/env/contract/rig.test-kit.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { joinUri } from '../../src/storage/file-uri.ts';
import { readFile } from '../../src/storage/stored-checkpoint.ts';
import { BUCKET, S3Server } from '../services/s3-server.ts';

const MIB = 1024 * 1024;
const ROUNDS = 12;
/** No try again: what fails is seen. */
const ONCE = { 's3.attempts.maximum': '1' };

describe('a store that is killed', () => {
  let server: S3Server;
  let files: FileSystem;
  before(async () => {
    server = await S3Server.start('versity');
    files = server.fileSystems(ONCE).of('s3://');
  });
  after(() => server[Symbol.asyncDispose]());

  /** Runs `work`, kills the store after `millis` and starts it again; whether `work` succeeded. */
  async function killDuring(work: () => Promise<unknown>, millis: number): Promise<boolean> {
    const working = work().then(
      () => true,
      (error: unknown) => {
        assert.ok(isEngineError(error), String(error));
        return false;
      },
    );
    await pause(millis);
    await server.kill();
    const done = await working;
    await server.startAgain();
    return done;
  }

  async function contentOf(uri: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(files, uri);
    } catch (error) {
      if (isEngineError(error, 'IO_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  test('U2: an upload in parts is visible whole or not at all', async () => {
    const random = Prng.of(1);
    const whole = Buffer.concat([0, 1, 2].map((part) => pattern(5 * MIB + 3, part)));
    const seen = { absent: 0, whole: 0 };
    for (let round = 0; round < ROUNDS; round += 1) {
      const uri = `s3://${BUCKET}/uploads/${round}`;
      const output = await files.create(uri);
      const upload = async (): Promise<void> => {
        for (let part = 0; part < 3; part += 1) await output.write(pattern(5 * MIB + 3, part));
        await output.finish();
      };
      const finished = await killDuring(upload, random.below(400));
      const found = await contentOf(uri);
      if (finished) assert.ok(found !== undefined, `round ${round}: finished, and gone`);
      if (found === undefined) seen.absent += 1;
      else {
        seen.whole += 1;
        assert.equal(Buffer.compare(found, whole), 0, `round ${round}: torn`);
      }
      await output.abort();
      if (!finished) assert.equal(await contentOf(uri), undefined, `round ${round}: left behind`);
    }
    assert.ok(seen.absent > 0, JSON.stringify(seen));
  });

  // This version of the store, killed while it completes an upload, says afterwards that it is
  // complete, and never makes the object: what cannot be repeated must at least be told.
  test('V1, V3: a commit is repeated to one whole object, or fails and shows nothing', async () => {
    const random = Prng.of(2);
    let repeated = 0;
    const whole = Buffer.concat([pattern(6 * MIB, 1), pattern(1000, 2)]);
    for (let round = 0; round < ROUNDS; round += 1) {
      const folder = `s3://${BUCKET}/commits/${round}`;
      const uri = joinUri(folder, 'part');
      const writer = files.recoverableWriter();
      const output = await writer.open(uri);
      await output.write(pattern(6 * MIB, 1));
      await output.write(pattern(1000, 2));
      await output.persist();
      const committable = await output.closeForCommit();
      const committed = await killDuring(() => writer.commit(committable), random.below(60));
      const found = await contentOf(uri);
      if (committed) assert.ok(found !== undefined, `round ${round}: committed, and gone`);
      if (found !== undefined) assert.equal(Buffer.compare(found, whole), 0, `round ${round}`);
      let error: unknown;
      try {
        await files.recoverableWriter().commit(committable);
      } catch (thrown) {
        error = thrown;
      }
      if (error !== undefined) {
        assert.ok(isEngineError(error, 'FILE_OUTPUT_LOST'), 'another error');
        assert.match(error.message, /says that it is complete, and the object is not there/);
        assert.equal(found, undefined);
        continue;
      }
      repeated += 1;
      assert.equal(Buffer.compare((await contentOf(uri))!, whole), 0, `round ${round}`);
      await files.remove(uri);
      assert.equal(await files.stat(folder), undefined, `round ${round}: a tail is left`);
    }
    assert.ok(repeated > 0);
  });

  test('V2: what was persisted is gone on with, to the byte', async () => {
    const random = Prng.of(3);
    for (let round = 0; round < ROUNDS; round += 1) {
      const uri = `s3://${BUCKET}/recoveries/${round}`;
      const writer = files.recoverableWriter();
      const output = await writer.open(uri);
      let resumable: Uint8Array | undefined;
      let persisted = 0;
      const write = async (): Promise<void> => {
        for (let piece = 0; piece < 8; piece += 1) {
          await output.write(pattern(2 * MIB + 1, piece));
          resumable = await output.persist();
          persisted = piece + 1;
        }
      };
      await killDuring(write, random.below(500));
      assert.equal(await contentOf(uri), undefined, `V1: round ${round}`);
      await output.close();
      if (resumable === undefined) continue;
      const again = await files.recoverableWriter().recover(resumable);
      await again.write(pattern(100, 99));
      await writer.commit(await again.closeForCommit());
      const pieces = Array.from({ length: persisted }, (_, i) => pattern(2 * MIB + 1, i));
      const whole = Buffer.concat([...pieces, pattern(100, 99)]);
      assert.equal(Buffer.compare((await contentOf(uri))!, whole), 0, `round ${round}`);
    }
  });

  test('a small write is old or new', async () => {
    const random = Prng.of(4);
    const uri = `s3://${BUCKET}/pointer`;
    let old = pattern(3000, 0);
    await files.writeIf(uri, old, 'any');
    for (let round = 1; round <= ROUNDS; round += 1) {
      const next = pattern(3000, round);
      const written = await killDuring(() => files.writeIf(uri, next, 'any'), random.below(15));
      const found = Buffer.from((await contentOf(uri))!);
      const isNew = found.equals(next);
      assert.ok(isNew || (!written && found.equals(old)), `round ${round}`);
      old = Uint8Array.from(found);
    }
  });

  test('with several tries a store that starts again in between is no failure', async () => {
    const patient = server.fileSystems({ 's3.attempts.maximum': '12' }).of('s3://');
    const uri = `s3://${BUCKET}/patient`;
    const output = await patient.create(uri);
    await output.write(pattern(5 * MIB, 0));
    await server.kill();
    await output.write(pattern(5 * MIB, 1));
    await output.write(pattern(5 * MIB, 2));
    const finishing = output.finish();
    await pause(200);
    await server.startAgain();
    await finishing;
    const whole = Buffer.concat([0, 1, 2].map((part) => pattern(5 * MIB, part)));
    assert.equal(Buffer.compare((await contentOf(uri))!, whole), 0);
  });
});
