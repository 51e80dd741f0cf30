// Runs examples as a user runs them, and reads their data and what they write.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { linesOf, millrace, REPOSITORY } from './command.test-kit.ts';

const DATA = join(REPOSITORY, 'examples', 'data');

export async function run(name: string, ...args: readonly string[]): Promise<readonly string[]> {
  return runWithRemark('', name, ...args);
}

/** Runs an example that has something to remark beside its output. */
export async function runWithRemark(
  remark: string,
  name: string,
  ...args: readonly string[]
): Promise<readonly string[]> {
  const { stdout, stderr, code } = await millrace(['run', `examples/${name}.ts`, ...args]);
  assert.equal(stderr, remark);
  assert.equal(code, 0);
  return linesOf(stdout);
}

/** In the order of the alphabet, where a job does not define one. */
export function sorted(lines: readonly string[]): readonly string[] {
  return [...lines].sort();
}

/** Without the number of the subtask. */
export function withoutSubtask(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.replace(/^\d+> /, ''));
}

export function dataFile(name: string): readonly string[] {
  return linesOf(readFileSync(join(DATA, name), 'utf8'));
}

/** The files of an output folder, by name, and nothing hidden among them. */
export function filesOf(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder).sort();
  assert.deepEqual(
    names.filter((name) => name.startsWith('.')),
    [],
  );
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

/** The cells of a line of CSV without line ends in quotes. */
export function cellsOf(line: string): readonly string[] {
  const cells = line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g);
  return [...cells].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!);
}

/** The lines that begin with a label of `print`, without it. */
export function labelled(lines: readonly string[], label: string): readonly string[] {
  return lines.filter((line) => line.startsWith(label)).map((line) => line.slice(label.length));
}
