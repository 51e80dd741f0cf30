// Packs the engine: its thousand files become a few dozen, which a process or a thread loads in a
// third of the time and two thirds of the memory. `npm ci` does it (`prepare`), and whatever
// measures. The launcher (bin/millrace.js) takes the pack as long as no file that went into it has
// changed since, else the sources; so an edit is never missed, and needs no step of its own.
//
// The pack has the shape of the sources: entries at bin/ and src/, all the rest two folders below
// its root, and a package.json by which `millrace` leads to the engine that runs. What the engine
// finds by its own place (`import.meta.url`) it finds there, too.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import type { OutputAsset, OutputChunk, PreRenderedChunk, RolldownOptions } from 'rolldown';

/** Files where processes and threads begin, without their extension. */
const ENTRIES = [
  ...['cli', 'jobmanager', 'taskmanager', 'supervisor'],
  ...['slot-worker', 'coordinator-worker'],
];
/** A process of its own that src/env/node/module-error.ts starts beside itself. */
const SYNTAX_CHECK = { entry: 'src/chunks/syntax-check', source: 'src/env/node/syntax-check' };
/** Packs that are kept: clusters may run from an older one. */
const KEPT = 3;

/** What this reads of package.json: of the sources, and of what was compiled. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly type: string;
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

type Output = readonly (OutputChunk | OutputAsset)[];
/** Path relative to the root, bytes, and when it was changed. */
type Input = readonly [path: string, size: number, changed: number];

/** Packs into a folder of node_modules. Says where; undefined: there is no bundler here. */
export async function packEngine(root: string): Promise<string | undefined> {
  const folder = join(root, 'node_modules', '.cache', 'millrace-engine');
  // By their place maps lead to the sources; every pack is as deep.
  const output = await build(root, 'ts', join(folder, 'pack'));
  if (output === undefined) return undefined;
  const inputs = inputsOf(output, root);
  const name = hashOf(output);
  const pack = join(folder, name);
  if (!existsSync(pack)) {
    const unfinished = join(folder, `unfinished-${process.pid}`);
    writePack(output, root, unfinished);
    takePlace(unfinished, pack);
  }
  // The last step: from here on the launcher takes it.
  const current = join(folder, `current-${process.pid}.json`);
  writeFileSync(current, JSON.stringify({ pack: name, inputs }));
  renameSync(current, join(folder, 'current.json'));
  removeOld(folder, name);
  return pack;
}

/** Packs what was compiled into `root`; undefined: there is no bundler here. */
export async function packCompiled(root: string, folder: string): Promise<string | undefined> {
  const output = await build(root, 'js', folder);
  if (output === undefined) return undefined;
  writePack(output, root, folder);
  return folder;
}

async function build(
  root: string,
  extension: 'js' | 'ts',
  dir: string,
): Promise<Output | undefined> {
  const rolldown = await loadRolldown();
  if (rolldown === undefined) return undefined;
  await using bundle = await rolldown(inputOptions(root, extension));
  const { output } = await bundle.generate({
    dir,
    format: 'esm',
    sourcemap: 'hidden',
    entryFileNames: '[name].js',
    chunkFileNames: (chunk) => `${folderOf(chunk)}/[name]-[hash].js`,
  });
  return output;
}

async function loadRolldown(): Promise<typeof import('rolldown').rolldown | undefined> {
  try {
    return (await import('rolldown')).rolldown;
  } catch (thrown) {
    // `npm ci --omit=dev` leaves it out.
    if ((thrown as { readonly code?: unknown }).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw thrown;
  }
}

function inputOptions(root: string, extension: 'js' | 'ts'): RolldownOptions {
  const manifest = manifestOf(root);
  const { dependencies = {}, peerDependencies = {} } = manifest;
  const packages = Object.keys({ ...dependencies, ...peerDependencies });
  const entries = ENTRIES.map((name) => `bin/${name}`);
  const exported = moduleExports(manifest).map(([, stem]) => stem);
  return {
    cwd: root,
    platform: 'node',
    input: {
      ...Object.fromEntries([...entries, ...exported].map((stem) => [stem, file(stem, extension)])),
      [SYNTAX_CHECK.entry]: file(SYNTAX_CHECK.source, extension),
    },
    external: [/^node:/, ...packages.map((name) => new RegExp(`^${name}(?:/|$)`))],
    // Comments that name files would bring the machine's folders into the pack.
    experimental: { attachDebugInfo: 'none' },
    onLog: (_level, { code, message }) => {
      if (code === 'UNRESOLVED_IMPORT') throw new Error(message);
    },
  };
}

function file(stem: string, extension: string): string {
  return `./${stem}.${extension}`;
}

/** What the command line finds beside itself must be beside its chunk. */
function folderOf({ moduleIds }: PreRenderedChunk): string {
  const isCommandLine = moduleIds.some((id) => /[\\/]bin[\\/]command-line\.[jt]s$/.test(id));
  return isCommandLine ? 'bin' : 'src/chunks';
}

function manifestOf(root: string): Manifest {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
}

/** Specifiers of modules, and the files behind them without extension. */
function moduleExports({ exports }: Manifest): readonly (readonly [string, string])[] {
  return Object.entries(exports).flatMap(([key, target]) => {
    const path = typeof target === 'string' ? target : target.default;
    const stem = /^\.\/(.*)\.[jt]s$/.exec(path)?.[1];
    return stem === undefined ? [] : [[key, stem] as const];
  });
}

function writePack(output: Output, root: string, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  for (const each of output) {
    const path = join(folder, each.fileName);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, each.type === 'chunk' ? each.code : each.source);
  }
  const manifest = manifestOf(root);
  const exports = moduleExports(manifest).map(([key, stem]) => [key, file(stem, 'js')]);
  const { name, version, type } = manifest;
  const own = { name, version, type, exports: Object.fromEntries(exports) };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(own));
}

function inputsOf(output: Output, root: string): readonly Input[] {
  const files = output.flatMap((each) => (each.type === 'chunk' ? each.moduleIds : []));
  const paths = new Set([...files, join(root, 'package.json')]);
  return [...paths]
    .filter((path) => existsSync(path))
    .map((path) => {
      const { size, mtimeMs } = statSync(path);
      return [relative(root, path), size, mtimeMs] as const;
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function hashOf(output: Output): string {
  const hash = createHash('sha256');
  for (const each of output) {
    hash.update(each.fileName).update(each.type === 'chunk' ? each.code : each.source);
  }
  return hash.digest('hex').slice(0, 16);
}

/** Another process may have packed the same meanwhile. */
function takePlace(unfinished: string, pack: string): void {
  try {
    renameSync(unfinished, pack);
  } catch (thrown) {
    rmSync(unfinished, { recursive: true });
    if (!existsSync(pack)) throw thrown;
  }
}

function removeOld(folder: string, current: string): void {
  const packs = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== current)
    .map(({ name }) => join(folder, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const pack of packs.slice(KEPT - 1)) rmSync(pack, { recursive: true, force: true });
}

if (import.meta.main) {
  const pack = await packEngine(join(import.meta.dirname, '..'));
  console.log(
    pack === undefined
      ? 'The engine is not packed: rolldown is not installed. It runs from its sources.'
      : `The engine is packed in ${basename(pack)}.`,
  );
}
