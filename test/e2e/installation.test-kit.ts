// A machine that has nothing of the project: the packed package, installed by npm into a folder
// outside the repository, with a home and a Node of its own and without a network.
import assert from 'node:assert/strict';
import {
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { packRelease } from '../../scripts/release.ts';
import { REPOSITORY, startProgram, type Ended, type RunningCommand } from '../command.test-kit.ts';

export interface Installation {
  /** Where the user works. */
  readonly folder: string;
  /** What npm has put into node_modules. */
  readonly package: string;
  /** The Node that is first in PATH. */
  readonly node: string;
  write(name: string, text: string): void;
  /** Starts a program found in PATH. */
  start(program: string, ...args: readonly string[]): RunningCommand;
  /** Runs it to its end. */
  run(program: string, ...args: readonly string[]): Promise<Ended>;
  remove(): void;
}

/** A folder for work, with nothing installed. */
function emptyMachine(): Installation {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-e2e-')));
  const folder = join(root, 'work');
  const home = join(root, 'home');
  const bin = join(root, 'node', 'bin');
  for (const path of [folder, home, bin]) mkdirSync(path, { recursive: true });
  const node = join(bin, process.platform === 'win32' ? 'node.exe' : 'node');
  copyFileSync(process.execPath, node, constants.COPYFILE_FICLONE);
  const env = environment(home, bin);
  const start = (program: string, ...args: readonly string[]): RunningCommand =>
    startProgram(program, args, { cwd: folder, env });
  return {
    folder,
    package: join(folder, 'node_modules', 'millrace'),
    node,
    write: (name, text) => writeFileSync(join(folder, name), text),
    start,
    run: (program, ...args) => start(program, ...args).ended,
    remove: () => rmSync(root, { recursive: true, maxRetries: 3 }),
  };
}

/** What a login has. Nothing that npm told this test, which it may have started. */
function environment(home: string, bin: string): NodeJS.ProcessEnv {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((each) => {
    return !each.includes('node_modules') && each !== dirname(process.execPath);
  });
  return {
    PATH: [bin, ...path].join(delimiter),
    HOME: home,
    USERPROFILE: home,
    LANG: 'C.UTF-8',
    npm_config_offline: 'true',
    npm_config_update_notifier: 'false',
  };
}

/** The machine after `npm install TARBALL`, of the sources as they are. */
export async function installedMachine(): Promise<Installation> {
  const machine = emptyMachine();
  const tarball = await packRelease(REPOSITORY, join(machine.folder, '..', 'tarball'));
  machine.write('package.json', '{ "name": "counting", "private": true, "type": "module" }');
  const needed = await packedDependencies(machine);
  const { code, stdout, stderr } = await machine.run('npm', 'install', tarball, ...needed);
  assert.equal(code, 0, stdout + stderr);
  assert.doesNotMatch(stderr, /warn/i);
  return machine;
}

/** What npm would get from the registry, as tarballs: there is no network. */
async function packedDependencies(machine: Installation): Promise<readonly string[]> {
  const names = dependenciesOf(REPOSITORY);
  for (const name of names) {
    for (const more of dependenciesOf(join(REPOSITORY, 'node_modules', name))) names.add(more);
  }
  const folder = join(machine.folder, '..', 'tarball');
  const tarballs: string[] = [];
  for (const name of names) {
    const source = join(REPOSITORY, 'node_modules', name);
    const options = ['--ignore-scripts', '--json', '--pack-destination', folder];
    const { code, stdout, stderr } = await machine.run('npm', 'pack', ...options, source);
    assert.equal(code, 0, stdout + stderr);
    const [packed] = JSON.parse(stdout) as [{ readonly filename: string }];
    tarballs.push(join(folder, packed.filename));
  }
  return tarballs;
}

function dependenciesOf(folder: string): Set<string> {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly dependencies?: Readonly<Record<string, string>>;
  };
  return new Set(Object.keys(manifest.dependencies ?? {}));
}
