// Apache Flink's own command line client, from PyPI, for tests of what it meets here. Downloaded
// once into a cache folder: pinned by version and hash, and no more of it than the client needs.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REPOSITORY, startProgram, type Ended } from '../command.test-kit.ts';

const VERSION = '2.3.0';
const CACHE = join(REPOSITORY, 'node_modules', '.cache', `flink-client-${VERSION}`);

/** The scripts are in the first, the jars in the second. */
const REQUIREMENTS = `
apache-flink==${VERSION} --hash=sha256:0e5f612704de1610b153e919c0564b62ad513cddfcf4960f5a021658cdf41a13
apache-flink-libraries==${VERSION} --hash=sha256:38ece876553286b3a285cf344c2d2038f8a7ca10da5df54d5107250386d64151
`;

/** One of the wheels, whatever the Python here: nothing of it runs but shell scripts and jars. */
const PLATFORM = [
  ...['--only-binary', ':all:', '--implementation', 'cp', '--python-version', '3.11'],
  ...['--abi', 'cp311', '--abi', 'none', '--platform', 'manylinux2014_x86_64', '--platform', 'any'],
];

const UNPACK = `
import sys, glob, zipfile
for wheel in glob.glob(sys.argv[1] + '/*.whl'):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(('pyflink/bin/', 'pyflink/conf/')) or (
                name.startswith(('pyflink/lib/flink-dist', 'pyflink/lib/log4j'))):
                archive.extract(name, sys.argv[2])
`;

export interface FlinkClient {
  /** Runs \`flink ARGS\` and gives what it has printed, however it ends. */
  run(args: readonly string[], token?: string): Promise<Ended>;
}

/** @throws Error if Java or Python is missing, or the download is another than it was */
export async function flinkClient(): Promise<FlinkClient> {
  await succeed('java', ['-version'], 'Flink needs Java 17');
  if (!existsSync(CACHE)) await download();
  const home = join(CACHE, 'pyflink');
  return {
    run(args, token) {
      const log = mkdtempSync(join(tmpdir(), 'flink-client-log-'));
      const env = {
        ...process.env,
        FLINK_HOME: home,
        FLINK_CONF_DIR: join(home, 'conf'),
        FLINK_LOG_DIR: log,
        // Starts in half the time: it runs for a second.
        FLINK_ENV_JAVA_OPTS_CLI: '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC',
        ...(token === undefined
          ? {}
          : { FLINK_REST_CLIENT_HEADERS: `Authorization:Bearer ${token}` }),
      };
      const { ended } = startProgram('bash', [join(home, 'bin', 'flink'), ...args], {
        cwd: log,
        env,
      });
      return ended.finally(() => rmSync(log, { recursive: true, force: true }));
    },
  };
}

async function download(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'flink-client-'));
  try {
    const requirements = join(work, 'requirements.txt');
    const wheels = join(work, 'wheels');
    const unpacked = `${CACHE}.${process.pid}`;
    writeFileSync(requirements, REQUIREMENTS);
    mkdirSync(wheels);
    await succeed(
      'python3',
      [
        ...['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'],
        ...['--require-hashes', ...PLATFORM, '--dest', wheels, '--requirement', requirements],
      ],
      'Flink could not be downloaded from PyPI',
    );
    mkdirSync(unpacked, { recursive: true });
    await succeed('python3', ['-c', UNPACK, wheels, unpacked], 'Flink could not be unpacked');
    chmodSync(join(unpacked, 'pyflink', 'bin', 'flink'), 0o755);
    if (existsSync(CACHE)) rmSync(unpacked, { recursive: true });
    else renameSync(unpacked, CACHE);
  } finally {
    rmSync(work, { recursive: true });
  }
}

async function succeed(program: string, args: readonly string[], what: string): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Uint8Array) => (said += Buffer.from(bytes).toString()));
  }
  const code = await new Promise<number | string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (exit) => resolve(exit ?? 'a signal'));
  });
  if (code !== 0) throw new Error(`${what}: ${program} ended with ${code}\n${said}`);
}
