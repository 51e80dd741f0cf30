/**
 * The simulated disk against a naive model of what the contract allows: after random operations and
 * a power loss at any point, each byte and each name is one that may be there, and what was synced
 * is.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../src/base/errors.ts';
import { Prng } from '../src/base/prng.ts';
import { hours, milliseconds, minutes, seconds } from '../src/base/units.ts';
import type { Disk, DiskFile, Env } from '../src/env/env.ts';
import { simulation, type Simulation } from './simulation.ts';
import { unattended } from './toy/unattended.test-kit.ts';

/** What a file may be after a loss of power, byte by byte. Knows nothing of journals. */
class FileModel {
  readonly id: number;
  /** Values that may stand at each position; the file is as long as the current content says. */
  readonly bytes: Set<number>[] = [];
  content: number[] = [];
  sizes: Set<number> = new Set([0]);

  constructor(id: number) {
    this.id = id;
  }

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length;
    const sizeBefore = this.content.length;
    while (this.content.length < end) this.content.push(0);
    bytes.forEach((byte, index) => {
      this.content[position + index] = byte;
    });
    for (let at = Math.min(sizeBefore, position); at < end; at++) {
      this.#allow(at, this.content[at] as number);
      if (at >= sizeBefore) this.#allow(at, 0);
    }
    // A write that is cut short may leave any size in between.
    const least = Math.max(Math.min(...this.sizes), Math.min(sizeBefore, position));
    for (let size = least; size <= this.content.length; size++) this.sizes.add(size);
  }

  truncate(size: number): void {
    while (this.content.length < size) this.content.push(0);
    for (let at = size; at < this.content.length; at++) this.#allow(at, 0);
    this.content.length = size;
    for (let at = 0; at < size; at++) {
      this.#allow(at, this.content[at] as number);
      this.#allow(at, 0);
    }
    this.sizes.add(size);
  }

  sync(): void {
    this.bytes.length = 0;
    this.content.forEach((byte, at) => this.#allow(at, byte));
    this.sizes = new Set([this.content.length]);
  }

  accept(found: Uint8Array, what: string): void {
    assert.ok(
      this.sizes.has(found.length),
      `${what}: size ${found.length} of ${[...this.sizes].join()}`,
    );
    found.forEach((byte, at) => {
      const allowed = this.bytes[at] ?? new Set([0]);
      assert.ok(
        allowed.has(byte),
        `${what}: byte ${at} is ${byte}, allowed are ${[...allowed].join()}`,
      );
    });
  }

  #allow(at: number, byte: number): void {
    while (this.bytes.length <= at) this.bytes.push(new Set());
    this.bytes[at]?.add(byte);
  }
}

/** What names may lead to: everything that they led to since their folder was synced. */
class FolderModel {
  readonly now: Map<string, FileModel> = new Map();
  readonly since: Map<string, Set<FileModel | undefined>> = new Map();

  set(name: string, file: FileModel | undefined): void {
    if (!this.since.has(name)) this.since.set(name, new Set([this.now.get(name)]));
    this.since.get(name)?.add(file);
    if (file === undefined) this.now.delete(name);
    else this.now.set(name, file);
  }

  sync(): void {
    this.since.clear();
  }

  allowed(name: string): ReadonlySet<FileModel | undefined> {
    return this.since.get(name) ?? new Set([this.now.get(name)]);
  }
}

const FOLDERS = ['/x', '/y'];
const NAMES = ['a', 'b', 'c'];

interface Model {
  readonly folders: Map<string, FolderModel>;
  /** The operation that is on its way: it may have happened, in part or not at all. */
  pending: (() => void) | undefined;
  files: number;
}

/** Does random operations, and keeps the model up to date, until the power goes. */
async function scribble(env: Env, random: Prng, model: Model): Promise<void> {
  const { disk } = env;
  const open = new Map<FileModel, DiskFile>();
  for (;;) {
    const folder = random.pick(FOLDERS);
    const names = model.folders.get(folder) as FolderModel;
    const name = random.pick(NAMES);
    const path = `${folder}/${name}`;
    const file = names.now.get(name);
    switch (random.below(9)) {
      case 0:
        if (file === undefined) await create(disk, path, names, name, model, open);
        break;
      case 1:
      case 2:
      case 3:
        if (file !== undefined) await write(random, file, open.get(file) as DiskFile, model);
        break;
      case 4:
        if (file !== undefined) await synced(open.get(file) as DiskFile, file, model);
        break;
      case 5:
        if (file !== undefined && random.chance(0.5)) {
          const size = random.below(1500);
          await step(model, () => file.truncate(size), open.get(file)?.truncate(size));
        }
        break;
      case 6:
        await rename(disk, random, model, path);
        break;
      case 7:
        if (random.chance(0.3)) {
          await step(model, () => names.set(name, undefined), disk.remove(path));
        }
        break;
      default:
        await disk.syncDirectory(folder);
        names.sync();
    }
  }
}

async function step(
  model: Model,
  change: () => void,
  work: Promise<void> | undefined,
): Promise<void> {
  model.pending = change;
  await work;
  change();
  model.pending = undefined;
}

async function create(
  disk: Disk,
  path: string,
  names: FolderModel,
  name: string,
  model: Model,
  open: Map<FileModel, DiskFile>,
): Promise<void> {
  const made = new FileModel(model.files++);
  model.pending = () => names.set(name, made);
  const handle = await disk.open(path, 'create');
  names.set(name, made);
  model.pending = undefined;
  open.set(made, handle);
}

async function write(random: Prng, file: FileModel, handle: DiskFile, model: Model): Promise<void> {
  const position = random.below(Math.min(file.content.length, 1200) + 100);
  const bytes = new Uint8Array(1 + random.below(random.chance(0.3) ? 1500 : 30));
  random.fillBytes(bytes);
  await step(model, () => file.write(position, bytes), handle.write(bytes.slice(), position));
}

async function synced(handle: DiskFile, file: FileModel, model: Model): Promise<void> {
  model.pending = undefined;
  await handle.sync();
  file.sync();
}

async function rename(disk: Disk, random: Prng, model: Model, from: string): Promise<void> {
  const to = `${random.pick(FOLDERS)}/${random.pick(NAMES)}`;
  const [source, target] = [place(model, from), place(model, to)];
  const file = source.names.now.get(source.name);
  if (file === undefined || from === to) return;
  const change = (): void => {
    target.names.set(target.name, file);
    source.names.set(source.name, undefined);
  };
  await step(model, change, disk.rename(from, to));
}

function place(model: Model, path: string): { readonly names: FolderModel; readonly name: string } {
  const [, folder, name] = path.split('/');
  return { names: model.folders.get(`/${folder}`) as FolderModel, name: name as string };
}

/** Reads all files and compares them with what the model allows. */
async function compare(env: Env, model: Model): Promise<void> {
  for (const folder of FOLDERS) {
    const names = model.folders.get(folder) as FolderModel;
    for (const name of NAMES) {
      const path = `${folder}/${name}`;
      const allowed = names.allowed(name);
      const found = await contentOf(env, path);
      if (found === undefined) {
        assert.ok(allowed.has(undefined), `${path} is gone`);
        continue;
      }
      const problems: unknown[] = [];
      const matches = [...allowed].some((file) => {
        if (file === undefined) return false;
        try {
          file.accept(found, path);
          return true;
        } catch (error) {
          problems.push(error);
          return false;
        }
      });
      assert.ok(matches, `${path} should not be: ${problems.map(String).join(' or ')}`);
    }
  }
}

async function contentOf(env: Env, path: string): Promise<Uint8Array | undefined> {
  if ((await env.disk.stat(path)) === undefined) return undefined;
  const file = await env.disk.open(path, 'read');
  const bytes = new Uint8Array(await file.size());
  assert.equal(await file.read(bytes, 0), bytes.length);
  await file.close();
  return bytes;
}

/**
 * Scribbles until `when`, takes the power away, and compares; true if an operation was on its way.
 */
async function crashAndCompare(
  seed: number,
  when: (world: Simulation) => boolean,
): Promise<boolean> {
  const world = simulation({ seed, knobs: { startMicros: 100, diskMicros: 100 } });
  const host = world.host('a');
  const random = world.random('scribble');
  const model: Model = {
    folders: new Map(FOLDERS.map((folder) => [folder, new FolderModel()])),
    pending: undefined,
    files: 0,
  };
  let ready = false;
  host.start('scribble', async (env) => {
    for (const folder of FOLDERS) await env.disk.makeDirectory(folder);
    await env.disk.syncDirectory('/');
    ready = true;
    await scribble(env, random, model);
    return 0;
  });
  await world.run({ until: () => ready && when(world), within: seconds(10) });
  host.crash(world.random('loss'));
  const torn = model.pending !== undefined;
  model.pending?.();
  host.restart();
  await world.runProcess(host, (env) => compare(env, model), minutes(10));
  assert.deepEqual(world.failures, []);
  return torn;
}

test('D1, D2, D4: after random operations and a power loss all is as the contract allows', async () => {
  let torn = 0;
  for (let seed = 0; seed < 300; seed++) {
    const operations = 1 + Prng.of(seed).below(80);
    const at = (world: Simulation): boolean => world.trace.count('disk') >= operations;
    if (await crashAndCompare(seed, at)) torn += 1;
  }
  assert.ok(torn > 100, `${torn} of 300 crashes were in the middle of an operation`);
});

test('D1, D2, D4: the power is lost before and after each operation of a few runs', async () => {
  for (let seed = 1000; seed < 1004; seed++) {
    for (let operation = 4; operation < 45; operation++) {
      await crashAndCompare(seed, ({ trace }) => trace.count('disk') >= operation);
      await crashAndCompare(seed, ({ trace }) => trace.count('apply') >= operation);
    }
  }
});

test('D1: the naive model finds a disk that loses what was synced', async () => {
  // The same check, with a sync that the model believes in and that never happened.
  let found = 0;
  for (let seed = 0; seed < 30; seed++) {
    const world = simulation({ seed, knobs: { startMicros: 100 } });
    const host = world.host('a');
    const names = new FolderModel();
    const model: Model = {
      folders: new Map([
        ['/x', names],
        ['/y', new FolderModel()],
      ]),
      pending: undefined,
      files: 1,
    };
    const file = new FileModel(0);
    await world.runProcess(
      host,
      async ({ disk }) => {
        for (const folder of FOLDERS) await disk.makeDirectory(folder);
        await disk.syncDirectory('/');
        const handle = await disk.open('/x/a', 'create');
        await handle.write(new Uint8Array(700).fill(7), 0);
        await disk.syncDirectory('/x');
        file.write(0, new Uint8Array(700).fill(7));
        file.sync();
        names.set('a', file);
        names.sync();
      },
      minutes(1),
    );
    host.crash(world.random('loss'));
    host.restart();
    await world
      .runProcess(host, (env) => compare(env, model), minutes(1))
      .catch(() => (found += 1));
  }
  assert.ok(found >= 10, `${found} of 30`);
});

test('D1: every outcome that the contract allows is drawn by some seed', async () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 600; seed++) {
    const world = simulation({ seed, knobs: { startMicros: 100 } });
    const host = world.host('a');
    await world.runProcess(
      host,
      async ({ disk }) => {
        const handle = await disk.open('/log', 'create');
        await disk.syncDirectory('/');
        await handle.write(new Uint8Array(1024).fill(1), 0);
        await handle.sync();
        await handle.write(new Uint8Array(1024).fill(2), 512);
      },
      minutes(1),
    );
    host.crash(world.random('loss'));
    host.restart();
    const bytes = await world.runProcess(host, (env) => contentOf(env, '/log'), minutes(1));
    assert.ok(bytes !== undefined && bytes.length >= 1024);
    assert.ok(bytes.subarray(0, 512).every((byte) => byte === 1));
    const sectors = [512, 1024].map((at) => [...new Set(bytes.subarray(at, at + 512))].join('+'));
    outcomes.add(sectors.join(' '));
  }
  // Old, new or torn; beyond the old end also missing or zeros.
  for (const expected of ['1 ', '2 2', '1 2', '1 0', '2 0', '2 ', '1+2 ', '2 2+0']) {
    const same = (each: string): boolean => sorted(each) === sorted(expected);
    assert.ok([...outcomes].some(same), `${expected} not in ${[...outcomes].join(' | ')}`);
  }
});

function sorted(outcome: string): string {
  return outcome
    .split(' ')
    .map((sector) => sector.split('+').sort().join('+'))
    .join(' ');
}

test('a process that is killed leaves the page cache alone', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const world = simulation({ seed, knobs: { startMicros: 100 } });
    const host = world.host('a');
    let written = 0;
    const writer = host.start('writer', async ({ disk }) => {
      const file = await disk.open('/log', 'append');
      for (;;) {
        await file.write(new Uint8Array(100).fill(9), 0);
        written += 1;
      }
    });
    world.scheduler.world(200_000, 'kill', 0, 0, () => writer.kill());
    await world.run({ until: () => !writer.alive, within: seconds(10) });
    const bytes = await world.runProcess(host, (env) => contentOf(env, '/log'), minutes(1));
    const length = bytes?.length ?? 0;
    assert.ok(length >= written * 100 && length <= written * 100 + 100, `${length} of ${written}`);
  }
});

test('K1: an operation of a killed process has happened, has not, or in part', async () => {
  const lengths = new Set<number>();
  for (let seed = 0; seed < 60; seed++) {
    const world = simulation({ seed, knobs: { startMicros: 100, diskMicros: 200 } });
    const host = world.host('a');
    const writer = host.start('writer', async (env) => {
      const file = await env.disk.open('/log', 'create');
      unattended(file.write(new Uint8Array(1000), 0));
      env.clock.after(milliseconds(0), () => undefined);
      writer.kill();
      return 0;
    });
    await world.run({ until: () => !writer.alive, within: seconds(10) });
    const bytes = await world.runProcess(host, (env) => contentOf(env, '/log'), minutes(1));
    lengths.add(bytes?.length ?? -1);
  }
  assert.ok(lengths.has(0) && lengths.has(1000) && lengths.size > 10, [...lengths].join());
});

test('D3: what a failed sync has lost is never durable by a later sync of another handle', async () => {
  let lost = 0;
  for (let seed = 0; seed < 60; seed++) {
    const world = simulation({ seed, knobs: { startMicros: 100 } });
    const host = world.host('a');
    const before = async ({ disk }: Env): Promise<void> => {
      const one = await disk.open('/log', 'create');
      await disk.syncDirectory('/');
      await one.write(new Uint8Array(100).fill(5), 0);
      host.files.syncFailures = 1;
      await assert.rejects(one.sync(), (error) => isEngineError(error, 'IO_FAILED'));
      host.files.syncFailures = 0;
      await assert.rejects(one.sync(), /an earlier sync of it failed/);
      await assert.rejects(one.write(new Uint8Array(1), 0), /an earlier sync of it failed/);
      const other = await disk.open('/log', 'update');
      await other.sync();
    };
    await world.runProcess(host, before, minutes(1));
    host.crash(world.random('loss'));
    host.restart();
    const bytes = await world.runProcess(host, (env) => contentOf(env, '/log'), minutes(1));
    if (!(bytes?.length === 100 && bytes.every((byte) => byte === 5))) lost += 1;
  }
  assert.ok(lost > 10, `${lost} of 60`);
});

test('a full disk refuses what does not fit, and takes it again once there is room', async () => {
  const world = simulation({ seed: 1 });
  const host = world.host('a');
  const body = async ({ disk }: Env): Promise<void> => {
    const file = await disk.open('/log', 'create');
    host.files.room = 150;
    await file.write(new Uint8Array(100), 0);
    const full = (error: unknown): boolean => isEngineError(error, 'IO_NO_SPACE');
    await assert.rejects(file.write(new Uint8Array(100), 100), full);
    assert.equal(await file.size(), 150, 'as much as there was room for');
    await file.write(new Uint8Array(150), 0);
    await assert.rejects(disk.open('/other', 'create'), full);
    await assert.rejects(disk.makeDirectory('/folder'), full);
    using scratch = disk.scratch();
    assert.throws(() => scratch.append(new Uint8Array(1)), full);
    host.files.room = Infinity;
    await file.write(new Uint8Array(100), 150);
    assert.equal(await file.size(), 250);
  };
  await world.runProcess(host, body, minutes(1));
});

test('a slow disk is slow', async () => {
  const took = async (slowness: number): Promise<number> => {
    const world = simulation({ seed: 1, knobs: { diskMicros: 200 } });
    const host = world.host('a');
    host.files.slowness = slowness;
    const body = async ({ disk, clock }: Env): Promise<number> => {
      const before = clock.monotonic();
      const file = await disk.open('/log', 'create');
      await file.sync();
      return clock.monotonic() - before;
    };
    return world.runProcess(host, body, hours(1));
  };
  assert.ok((await took(1000)) > 100 * (await took(1)));
});

test('K2: bytes that are changed while they are written are found', async () => {
  const world = simulation({ seed: 1 });
  const body = async ({ disk }: Env): Promise<void> => {
    const file = await disk.open('/log', 'create');
    const bytes = new Uint8Array(10);
    const writing = file.write(bytes, 0);
    bytes[3] = 1;
    await writing;
  };
  await assert.rejects(world.runProcess(world.host('a'), body, minutes(1)), /K2/);
});

test('a shared folder is the same on all hosts and outlives each of them', async () => {
  const world = simulation({ seed: 1, sharedFolders: ['/shared'] });
  const [one, other] = [world.host('one'), world.host('other')];
  const write = async ({ disk }: Env): Promise<void> => {
    const file = await disk.open('/shared/a', 'create');
    await file.write(new Uint8Array([1, 2, 3]), 0);
    await file.sync();
    await disk.syncDirectory('/shared');
    await assert.rejects(disk.rename('/shared/a', '/home/a'), /different file systems/);
  };
  await world.runProcess(one, write, minutes(1));
  one.crash(world.random('loss'));
  const bytes = await world.runProcess(other, (env) => contentOf(env, '/shared/a'), minutes(1));
  assert.deepEqual(bytes, new Uint8Array([1, 2, 3]));
});

test('K4: a disk that fails changes nothing, and one that is read-only can be read', async () => {
  const world = simulation({ seed: 1 });
  const host = world.host('a');
  const body = async ({ disk }: Env): Promise<void> => {
    const file = await disk.open('/log', 'create');
    await file.write(new Uint8Array([1]), 0);
    host.files.failures = 1;
    const failed = (error: unknown): boolean => isEngineError(error, 'IO_FAILED');
    await assert.rejects(file.write(new Uint8Array([2]), 0), failed);
    await assert.rejects(disk.remove('/log'), failed);
    await assert.rejects(disk.syncDirectory('/'), failed);
    host.files.failures = 0;
    host.files.readOnly = true;
    const readOnly = (error: unknown): boolean => isEngineError(error, 'IO_READ_ONLY');
    await assert.rejects(file.write(new Uint8Array([3]), 0), readOnly);
    await assert.rejects(disk.open('/other', 'create'), readOnly);
    await assert.rejects(disk.remove('/log'), readOnly);
    await assert.rejects(disk.rename('/log', '/other'), readOnly);
    const reader = await disk.open('/log', 'read');
    const into = new Uint8Array(5);
    assert.equal(await reader.read(into, 0), 1);
    assert.equal(into[0], 1);
    await reader.close();
    await file.close();
  };
  await world.runProcess(host, body, minutes(1));
});

test('F1: a folder into which something comes while it is removed stays, without the rest', async () => {
  const world = simulation({ seed: 1 });
  const body = async ({ disk }: Env): Promise<void> => {
    await disk.makeDirectory('/a/b');
    await disk.makeDirectory('/c');
    await (await disk.open('/a/b/early', 'create')).close();
    await (await disk.open('/c/late', 'create')).close();
    const removals = Promise.allSettled([disk.remove('/a'), disk.rename('/c/late', '/a/b/late')]);
    const [removed, renamed] = await removals;
    assert.equal(renamed.status, 'fulfilled', 'the rename came first');
    assert.equal(removed.status, 'rejected');
    assert.ok(
      isEngineError(removed.reason, 'IO_FAILED') && /ENOTEMPTY/.test(String(removed.reason)),
    );
    assert.deepEqual(await disk.list('/a/b'), [{ name: 'late', kind: 'file' }]);
    await disk.remove('/a');
    assert.equal(await disk.stat('/a'), undefined);
  };
  await world.runProcess(world.host('one'), body, minutes(1));
});
