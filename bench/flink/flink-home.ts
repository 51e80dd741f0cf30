/**
 * Where Apache Flink is on this machine: its libraries come from PyPI into the cache of the
 * benchmarks, and the Java programs of bench/flink/program are compiled against them, both once.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CACHE } from '../beside/cache.ts';

export const FLINK_VERSION = '2.3.0';

/** The module system of Java hides what Flink uses; its own start scripts open the same. */
const OPENED = [
  'java.lang java.net java.io java.nio java.lang.reflect java.text java.time java.util',
  'java.util.concurrent java.util.concurrent.atomic java.util.concurrent.locks sun.nio.ch',
];
export const JAVA_OPTIONS: readonly string[] = OPENED.join(' ')
  .split(' ')
  .map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`);

const PYTHON = 'python3';
const PROGRAM = join(import.meta.dirname, 'program');

export interface FlinkHome {
  /** Of Flink itself, for `java -cp`. */
  readonly classPath: string;
  /** With what the scripts of Flink reckon its memory. */
  readonly shellUtilities: string;
  /** Our Java programs. */
  readonly jar: string;
  /** As `java -version` says. */
  readonly java: string;
}

/** @throws Error in one sentence, with the command that installs what is missing */
export async function flinkHome(): Promise<FlinkHome> {
  const java = await javaVersion();
  const venv = join(CACHE, `flink-${FLINK_VERSION}`);
  if (findPyflink(venv) === undefined) await install(venv);
  const pyflink = findPyflink(venv);
  if (pyflink === undefined) throw new Error(`${venv} has no pyflink/lib; remove it, try again`);
  const classPath = join(pyflink, 'lib', '*');
  return {
    classPath,
    shellUtilities: join(pyflink, 'bin', 'bash-java-utils.jar'),
    jar: await compiled(classPath),
    java,
  };
}

async function javaVersion(): Promise<string> {
  try {
    await run('javac', ['-version']);
    const { stderr } = await run('java', ['-version']);
    return stderr.split('\n')[1]?.trim() ?? stderr.trim();
  } catch (thrown) {
    throw new Error(
      'Comparing with Flink needs Java 17 and its compiler: install them, e.g. by ' +
        '`apt-get install openjdk-17-jdk-headless`, or leave Flink out by `--vs none`.',
      { cause: thrown },
    );
  }
}

function findPyflink(venv: string): string | undefined {
  const libraries = join(venv, 'lib');
  const pythons = existsSync(libraries) ? readdirSync(libraries) : [];
  return pythons
    .map((python) => join(libraries, python, 'site-packages', 'pyflink'))
    .find((folder) => existsSync(join(folder, 'lib', `flink-dist-${FLINK_VERSION}.jar`)));
}

async function install(venv: string): Promise<void> {
  const packages = [`apache-flink-libraries==${FLINK_VERSION}`];
  console.error(`Installing ${packages.join(' ')} (329 MB) into ${venv}`);
  try {
    await rm(venv, { recursive: true, force: true });
    await run(PYTHON, ['-m', 'venv', venv]);
    await run(join(venv, 'bin', 'pip'), ['install', '--quiet', '--no-deps', ...packages]);
  } catch (thrown) {
    throw new Error(
      `Flink could not be installed: run \`${PYTHON} -m venv ${venv} && ${venv}/bin/pip install ` +
        `--no-deps ${packages.join(' ')}\`, or leave Flink out by \`--vs none\`.`,
      { cause: thrown },
    );
  }
}

/** Anew when one of the sources has changed. */
async function compiled(classPath: string): Promise<string> {
  const sources = readdirSync(PROGRAM)
    .filter((name) => name.endsWith('.java'))
    .map((name) => join(PROGRAM, name));
  const hash = createHash('md5');
  for (const source of sources) hash.update(readFileSync(source));
  const classes = join(CACHE, `flink-program-${hash.digest('hex').slice(0, 12)}`);
  const jar = `${classes}.jar`;
  if (existsSync(jar)) return jar;
  await mkdir(classes, { recursive: true });
  await run('javac', ['-nowarn', '-d', classes, '-cp', classPath, ...sources]);
  await run('jar', ['--create', '--file', jar, '-C', classes, '.']);
  await rm(classes, { recursive: true });
  return jar;
}

async function run(
  command: string,
  args: readonly string[],
): Promise<{ stdout: string; stderr: string }> {
  return await promisify(execFile)(command, args, { maxBuffer: 1 << 26 });
}
