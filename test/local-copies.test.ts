// Copies of state that a slot keeps on its own machine: what is read is what was written or the
// file of the checkpoint, and nothing stays that no checkpoint refers to.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pattern } from '../src/env/contract/rig.test-kit.ts';
import { nodeDisk } from '../src/env/node/disk.ts';
import type { StateHandle } from '../src/protocol/checkpoint.ts';
import { CheckpointStreams } from '../src/storage/checkpoint-streams.ts';
import type { FileSystems } from '../src/storage/file-systems.ts';
import { LocalCopies } from '../src/storage/local-copies.ts';
import { withFolder } from './storage.test-kit.ts';

const BYTES = 3000;

type File = Extract<StateHandle, { kind: 'file' }>;

/** The life of a slot; `again` is the next one in the same place. */
class Slot {
  readonly warnings: string[] = [];
  readonly told: string[] = [];
  readonly copies: LocalCopies;
  readonly #streams: CheckpointStreams;
  readonly #fileSystems: FileSystems;
  readonly #remote: string;
  readonly folder: string;

  constructor(fileSystems: FileSystems, base: string, options = { read: true, write: true }) {
    this.#fileSystems = fileSystems;
    this.#remote = join(base, 'remote');
    this.folder = join(base, 'local', 'allocation');
    const log = {
      write: (level: string, message: string) =>
        void (level === 'warn' ? this.warnings : this.told).push(message),
    };
    this.copies = new LocalCopies({
      ...{ disk: nodeDisk(), folder: this.folder, ...options },
      log: log as never,
    });
    this.#streams = new CheckpointStreams(fileSystems, {
      directory: this.#remote,
      inlineBytes: 10,
      copied: (uri, file) => this.copies.copied(uri, file),
    });
  }

  async write(checkpointId: number, bytes = BYTES, folder = `chk-${checkpointId}`): Promise<File> {
    const location = join(this.#remote, folder);
    await fs.mkdir(location, { recursive: true });
    await fs.mkdir(join(this.#remote, 'shared'), { recursive: true });
    const output = this.#streams.open(location, 'shared');
    output.write(pattern(bytes, checkpointId));
    const handle = await output.finish();
    assert.ok(handle.kind === 'file');
    return handle;
  }

  /** Of a snapshot that comes to nothing. */
  async writeAborted(checkpointId: number, finished: boolean): Promise<void> {
    const location = join(this.#remote, `chk-${checkpointId}`);
    const output = this.#streams.open(location, 'shared');
    output.write(pattern(BYTES, checkpointId));
    if (finished) await output.finish();
    await output.abort();
  }

  /** What a restore reads, and whether from a copy. */
  async read(handle: File): Promise<'copy' | 'file'> {
    const copy = await this.copies.open(handle);
    const input = copy ?? (await this.#fileSystems.of(handle.uri).open(handle.uri));
    try {
      const bytes = Buffer.from(await input.read(0, input.size));
      assert.equal(input.size, handle.size);
      assert.equal(bytes.compare(await fs.readFile(handle.uri.replace(/^file:/, ''))), 0);
    } finally {
      await input.close();
    }
    return copy === undefined ? 'file' : 'copy';
  }

  async names(): Promise<readonly string[]> {
    await this.copies.settled;
    return (await fs.readdir(this.folder)).sort();
  }

  pathOf({ uri }: File): string {
    return join(this.folder, nameOf(uri));
  }
}

function nameOf(uri: string): string {
  return uri.slice(uri.lastIndexOf('/') + 1);
}

describe('copies of the state of a slot', () => {
  test('the next worker of the slot reads what the one before has written', () =>
    withFolder(async (fileSystems, base) => {
      const slot = new Slot(fileSystems, base);
      slot.copies.begin(0, []);
      const files = [await slot.write(1), await slot.write(1, 9_000_000)];
      slot.copies.acknowledged(1, files);
      slot.copies.completed(1);
      const again = new Slot(fileSystems, base);
      again.copies.begin(1, files);
      for (const file of files) assert.equal(await again.read(file), 'copy');
      again.copies.tellRestored();
      assert.deepEqual(again.told, [
        '9003000 bytes of state were read from copies here, 0 from the checkpoint',
      ]);
      assert.deepEqual([...slot.warnings, ...again.warnings], []);
    }));

  test('L1: a copy that is damaged in any way is not used, told and removed', () =>
    withFolder(async (fileSystems, base) => {
      const slot = new Slot(fileSystems, base);
      slot.copies.begin(0, []);
      const file = await slot.write(1);
      const path = slot.pathOf(file);
      const whole = await fs.readFile(path);
      const damages: [string, Uint8Array | undefined][] = [
        ['gone', undefined],
        ['empty', new Uint8Array(0)],
        ['longer', Buffer.concat([whole, whole.subarray(0, 1)])],
      ];
      for (let at = 0; at < whole.length; at += at < BYTES - 40 ? 97 : 1) {
        const flipped = Buffer.from(whole);
        flipped[at]! ^= 1 << (at % 8);
        damages.push([`byte ${at} changed`, flipped]);
        damages.push([`cut at ${at}`, whole.subarray(0, at)]);
      }
      for (const [what, bytes] of damages) {
        await fs.writeFile(path, whole);
        const again = new Slot(fileSystems, base);
        again.copies.begin(1, [file]);
        await again.copies.settled;
        if (bytes === undefined) await fs.rm(path);
        else await fs.writeFile(path, bytes);
        assert.equal(await again.read(file), 'file', what);
        assert.match(again.warnings.join(), /is not used, file:.* is read: /, what);
        assert.deepEqual(await again.names(), [], what);
      }
    }));

  test('L2: where no copy can be written the checkpoint has its file, and the log says why', () =>
    withFolder(async (fileSystems, base) => {
      await fs.writeFile(join(base, 'local'), 'in the way');
      const slot = new Slot(fileSystems, base);
      slot.copies.begin(0, []);
      const file = await slot.write(1);
      assert.equal(await slot.read(file), 'file');
      assert.match(slot.warnings.join('\n'), /no copies of state in .*\n?no copy is kept of file:/);
    }));

  test('L3: what the newest complete checkpoint, or one under way, refers to stays, nothing else', () =>
    withFolder(async (fileSystems, base) => {
      const slot = new Slot(fileSystems, base);
      slot.copies.begin(0, []);
      const [full, one, two, three] = [
        await slot.write(1),
        await slot.write(2),
        await slot.write(3),
        await slot.write(4),
      ];
      const names = (...files: File[]): readonly string[] =>
        files.map(({ uri }) => nameOf(uri)).sort();
      slot.copies.acknowledged(1, [full]);
      slot.copies.acknowledged(2, [full, one]);
      slot.copies.completed(2);
      assert.deepEqual(await slot.names(), names(full, one, two, three), 'nobody told of two yet');
      slot.copies.acknowledged(3, [full, one, two]);
      slot.copies.acknowledged(4, [three]);
      slot.copies.aborted(3);
      assert.deepEqual(await slot.names(), names(full, one, three));
      await slot.writeAborted(5, false);
      await slot.writeAborted(5, true);
      slot.copies.completed(4);
      assert.deepEqual(await slot.names(), names(three));

      // What the worker before has left, and did not come to an end with.
      await fs.writeFile(join(slot.folder, 'f00.writing'), 'half');
      await fs.writeFile(join(slot.folder, 'f00'), 'of an attempt before');
      const again = new Slot(fileSystems, base);
      again.copies.begin(4, [three]);
      const fresh = await again.write(5);
      assert.deepEqual(await again.names(), names(three, fresh));
      again.copies.acknowledged(5, [fresh]);
      again.copies.completed(5);
      assert.deepEqual(await again.names(), names(fresh));
      const fromNothing = new Slot(fileSystems, base);
      fromNothing.copies.begin(0, []);
      assert.deepEqual(await fromNothing.names(), []);
      assert.deepEqual([...slot.warnings, ...again.warnings, ...fromNothing.warnings], []);
    }));

  test('a savepoint has no copy, and who only reads or only writes does only that', () =>
    withFolder(async (fileSystems, base) => {
      const slot = new Slot(fileSystems, base, { read: false, write: true });
      slot.copies.begin(0, []);
      await slot.write(1, BYTES, 'savepoint-a-b');
      assert.deepEqual(await slot.names(), []);
      const file = await slot.write(1);
      assert.equal((await slot.names()).length, 1);
      const again = new Slot(fileSystems, base, { read: false, write: true });
      again.copies.begin(1, [file]);
      assert.equal(await again.read(file), 'file');
      const reader = new Slot(fileSystems, base, { read: true, write: false });
      reader.copies.begin(1, [file]);
      assert.equal(await reader.read(file), 'copy');
      await reader.write(2);
      assert.equal((await reader.names()).length, 1);
    }));
});
