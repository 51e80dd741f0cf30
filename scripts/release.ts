// Makes the package that users install: compiles bin and src into dist/, packs the engine from
// there (pack-engine.ts) for the command line and what it starts, gives dist/ a package.json
// of its own (entries at .js, engines, no workspaces, nothing for development) and packs that
// folder. Prints the path of the tarball. The root is private and is never packed. Publishing stays
// a decision:
// `npm publish TARBALL`.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packCompiled } from './pack-engine.ts';

type Entries = Readonly<Record<string, string>>;

/**
 * The Nodes that users may bring. The root has no `engines`: it brings Node along, and npm itself
 * may run under an older one.
 */
const ENGINES: Entries = { node: '>=24' };

/** What this reads of package.json. Everything else in it stays at home. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly type: string;
  readonly exports: Entries;
  readonly dependencies?: Entries;
  readonly peerDependencies?: Entries;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional: boolean }>>;
}

export function publishedManifest(manifest: Manifest): object {
  const { name, version, description, license, type } = manifest;
  const { dependencies, peerDependencies, peerDependenciesMeta } = manifest;
  const exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([key, path]) => [key, publishedEntry(path)]),
  );
  return {
    name,
    version,
    description,
    license,
    type,
    engines: ENGINES,
    exports,
    bin: { millrace: 'bin/millrace.js' },
    ...(dependencies === undefined ? {} : { dependencies }),
    ...(peerDependencies === undefined ? {} : { peerDependencies }),
    ...(peerDependenciesMeta === undefined ? {} : { peerDependenciesMeta }),
  };
}

/** Types first: resolvers take the first condition that they know. */
function publishedEntry(path: string): string | Readonly<Record<'types' | 'default', string>> {
  if (!path.endsWith('.ts')) return path;
  const stem = path.slice(0, -'.ts'.length);
  return { types: `${stem}.d.ts`, default: `${stem}.js` };
}

/** Builds and packs; returns the path of the tarball. */
export async function packRelease(root: string, destination: string): Promise<string> {
  const dist = join(root, 'dist');
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const missing = Object.values(manifest.exports).filter((path) => !existsSync(join(root, path)));
  if (missing.length > 0)
    throw new Error(`exports of package.json not found: ${missing.join(', ')}`);

  rmSync(dist, { recursive: true, force: true });
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  run(process.execPath, [compiler, '-p', 'tsconfig.build.json'], root);
  writeFileSync(
    join(dist, 'package.json'),
    `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`,
  );
  const engine = await packCompiled(dist, join(dist, 'engine'));
  if (engine === undefined) throw new Error('rolldown is not installed: run `npm ci`');
  for (const file of ['bin/millrace.js', 'README.md', 'CHANGELOG.md', 'LICENSE']) {
    copyFileSync(join(root, file), join(dist, file));
  }

  mkdirSync(destination, { recursive: true });
  const report = run('npm', ['pack', '--json', '--pack-destination', destination], dist);
  const [packed] = JSON.parse(report) as [{ readonly filename: string }];
  return join(destination, packed.filename);
}

function run(command: string, args: readonly string[], cwd: string): string {
  // On Windows npm is a batch file, which only a shell can start.
  const shell = process.platform === 'win32' && command === 'npm';
  const result = spawnSync(command, args, { cwd, shell, encoding: 'utf8' });
  if (result.status === 0) return result.stdout;
  const said = `${result.stdout}${result.stderr}`.trim();
  throw new Error(`"${command} ${args.join(' ')}" failed in ${cwd}:\n${said}`);
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..');
  console.log(await packRelease(root, join(root, 'out')));
}
