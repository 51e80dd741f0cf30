// The files that tidy looks at, read from the working tree, so that a file counts before it is
// committed.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import { lineOf, sourceText, type SourceText } from './source-text.ts';

export interface Project {
  readonly sources: readonly SourceText[];
  readonly markdown: readonly { readonly path: string; readonly text: string }[];
  /** The files that `exports` of package.json points at. */
  readonly publicEntries: readonly string[];
}

/** One sentence with its place. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

const SOURCE_FOLDERS = ['bin', 'src', 'sim', 'test', 'bench', 'examples', 'scripts'];
const SKIPPED = new Set(['node_modules', 'dist', 'out', 'coverage', 'fixtures', 'data', '.git']);

export function readProject(root: string): Project {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, string>>;
  };
  const all = [...walk(root, root)].sort();
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  return {
    sources: all
      .filter((path) => /\.[cm]?[jt]s$/.test(path) && SOURCE_FOLDERS.includes(top(path)))
      .map((path) => sourceText(path, read(path))),
    markdown: all
      .filter((path) => path.endsWith('.md'))
      .map((path) => ({ path, text: read(path) })),
    publicEntries: Object.values(manifest.exports).map((path) => posix.normalize(path)),
  };
}

/** Tests, and what several tests share: kits, and the suites that every implementation runs. */
export function isTest(path: string): boolean {
  return runsByItself(path) || /\.test-kit\.ts$|-contract\.ts$/.test(path);
}

export function runsByItself(path: string): boolean {
  return /\.test(-d)?\.ts$/.test(path);
}

export function top(path: string): string {
  return path.slice(0, path.indexOf('/'));
}

/**
 * Reports every match of `pattern` (which has the flag g) in `text`, by default in the bare code.
 */
export function matches(
  file: SourceText,
  pattern: RegExp,
  message: string | ((match: RegExpMatchArray) => string | undefined),
  text: string = file.code,
): Violation[] {
  return [...text.matchAll(pattern)].flatMap((match) => {
    const said = typeof message === 'string' ? message : message(match);
    return said === undefined
      ? []
      : [{ path: file.path, line: lineOf(file.text, match.index), message: said }];
  });
}

export function report(violations: readonly Violation[]): string {
  return violations.map((v) => `${v.path}:${v.line}: ${v.message}`).join('\n');
}

function* walk(root: string, folder: string): Generator<string> {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* walk(root, path);
    if (entry.isFile()) yield relative(root, path).split(sep).join('/');
  }
}
