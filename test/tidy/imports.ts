// Who imports whom: finds the imports of a file and holds them against the policy's table.
import { posix } from 'node:path';
import { isTest, runsByItself, top, type Project, type Violation } from './project.ts';
import { lineOf, type SourceText } from './source-text.ts';

export interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly line: number;
}

export interface Policy {
  /** Folder -> folders it may import; `env:types` allows `import type` only. */
  readonly folders: Readonly<Record<string, readonly string[]>>;
  /** Folder -> npm packages it may import; by default none. */
  readonly packages: Readonly<Record<string, readonly string[]>>;
  /** Modules of Node that compute and touch nothing; everybody may import them. */
  readonly pureNodeModules: readonly string[];
  /** File -> modules of Node it may import besides. */
  readonly nodeModules: Readonly<Record<string, readonly string[]>>;
  /** Files and folders that are on the outer side of the seam. */
  readonly outsideSeam: readonly string[];
  /** What unit tests may import besides what their folder may. */
  readonly tests: { readonly folders: readonly string[]; readonly packages: readonly string[] };
}

const FORMS: readonly RegExp[] = [
  /^(?:import|export)(\s+type\b)?\s*(?:[\w$]+\s*,?\s*)?(?:\{[^}]*\}|\*(?:\s+as\s+[\w$]+)?)?\s*from\s*(?=['"])/gm,
  /^import(\s+type\b)?\s*(?=['"])/gm,
  /\bimport(?:\.meta\.resolve)?(\s+type\b)?\s*\(\s*(?=['"])/g,
  /\brequire(?:\.resolve)?(\s+type\b)?\s*\(\s*(?=['"])/g,
];

/** Threads and processes are started from the URL of a file, sometimes said without extension. */
const FILE_URL = /\b(?:new URL|entryPoint)\(\s*(?=['"])(?=[^)]*import\.meta\.url)/g;

export function importsOf(file: SourceText): Import[] {
  return FORMS.flatMap((form) => found(file, form));
}

function found(file: SourceText, form: RegExp): Import[] {
  return [...file.code.matchAll(form)].map((match) => {
    const start = match.index + match[0].length;
    return {
      specifier: file.text.slice(start + 1, file.text.indexOf(file.text[start]!, start + 1)),
      typeOnly: match[1] !== undefined,
      line: lineOf(file.text, match.index),
    };
  });
}

/** `env/node`, `api`, `sim`; files right under src are folders of their own, without extension. */
export function folderOf(path: string): string {
  const inside = /^src\/(.*)$/.exec(path)?.[1];
  if (inside === undefined) return path.includes('/') ? top(path) : path;
  if (inside.startsWith('env/node/')) return 'env/node';
  return inside.includes('/') ? top(inside) : inside.replace(/\.ts$/, '');
}

export function checkImports(file: SourceText, policy: Policy): Violation[] {
  const folder = folderOf(file.path);
  const allowed = policy.folders[folder];
  const refuse = (line: number, message: string): Violation => ({ path: file.path, line, message });
  if (allowed === undefined) {
    return [refuse(1, `the folder "${folder}" is not in the table of imports; give it its line`)];
  }
  return importsOf(file).flatMap((one) => {
    const said = refusal(file.path, folder, one, policy);
    return said === undefined ? [] : [refuse(one.line, said)];
  });
}

function refusal(path: string, folder: string, one: Import, policy: Policy): string | undefined {
  if (one.specifier.startsWith('.')) return refusedFile(path, folder, one, policy);
  if (one.specifier.startsWith('node:')) return refusedNode(path, one.specifier, policy);
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(one.specifier)![0];
  const packages = policy.packages[folder] ?? [];
  if (packages.includes(name) || packages.includes('*')) return undefined;
  if (isTest(path) && policy.tests.packages.includes(name)) return undefined;
  return `${folder} may not import the package "${name}"`;
}

function refusedFile(path: string, from: string, one: Import, policy: Policy): string | undefined {
  if (!/\.([cm]?[jt]s|json)$/.test(one.specifier)) {
    return `"${one.specifier}" has no extension; Node and the published package need it`;
  }
  const to = folderOf(posix.join(posix.dirname(path), one.specifier));
  const allowed = policy.folders[from]!;
  if (to === from || allowed.includes(to) || allowed.includes('*')) return undefined;
  if (isTest(path) && policy.tests.folders.includes(to)) return undefined;
  if (!allowed.includes(`${to}:types`)) return `${from} may not import ${to}`;
  return one.typeOnly ? undefined : `${from} may import types from ${to}, nothing else`;
}

function refusedNode(path: string, specifier: string, policy: Policy): string | undefined {
  if (!behindSeam(path, policy) || isTest(path)) return undefined;
  if (policy.pureNodeModules.includes(specifier)) return undefined;
  if (policy.nodeModules[path]?.includes(specifier) === true) return undefined;
  return `"${specifier}" belongs to src/env/node; go through Env`;
}

/** True where the world may be touched through Env only. */
export function behindSeam(path: string, policy: Policy): boolean {
  if (top(path) !== 'src' && top(path) !== 'sim') return false;
  return !policy.outsideSeam.some((outside) => path === outside || path.startsWith(outside));
}

/** Files that nothing imports and nothing starts. */
export function deadFiles(project: Project, entries: (path: string) => boolean): Violation[] {
  const alive = new Set(project.publicEntries);
  for (const file of project.sources) {
    for (const { specifier } of [...importsOf(file), ...found(file, FILE_URL)]) {
      const target = posix.join(posix.dirname(file.path), specifier);
      if (target !== file.path) alive.add(target).add(`${target}.ts`);
    }
  }
  return project.sources
    .filter((file) => !alive.has(file.path) && !runsByItself(file.path) && !entries(file.path))
    .map(({ path }) => ({ path, line: 1, message: 'nothing imports this file; use or remove it' }));
}

/** A folder that reaches itself over others has no place in the layers. */
export function tableCycles(folders: Policy['folders']): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (folder: string, path: readonly string[]): void => {
    if (path.includes(folder)) cycles.push([...path, folder].join(' -> '));
    if (done.has(folder) || path.includes(folder)) return;
    for (const next of folders[folder] ?? []) visit(next.replace(':types', ''), [...path, folder]);
    done.add(folder);
  };
  for (const folder of Object.keys(folders)) visit(folder, []);
  return cycles;
}
