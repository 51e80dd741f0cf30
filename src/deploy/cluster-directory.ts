/**
 * The folder of a cluster on this machine, `~/.millrace/clusters/ID`: what runs (`cluster.json`),
 * its secrets, logs, blobs and what must outlive a JobManager. Only its user can read it.
 *
 * Invariants
 * D1. `cluster.json` and secrets are there whole or not at all; a secret is made once, by whoever
 *     comes first, and never changes.
 */
import { EngineError, messageOf } from '../base/errors.ts';
import { Configuration } from '../config/configuration.ts';
import { ClusterOptions } from '../config/options/cluster-options.ts';
import type { Env, Terminal } from '../env/env.ts';
import { readWhole, writeAtomically, writeOnce } from '../ha/atomic-file.ts';
import type { ProcessRole } from '../env/env.ts';

/** How clusters of one application are called: their job ends with them. */
export const APPLICATION_PREFIX = 'application-';
const VERSION = 1;
const SECRET_BYTES = 32;
const CLUSTER_FILE = 'cluster.json';
const CONFIGURATION_FILE = 'configuration.json';

/** Contents of `cluster.json`: what a supervisor runs on this machine. */
export interface ClusterFile {
  readonly version: typeof VERSION;
  readonly clusterId: string;
  /** Undefined on a machine without the JobManager. */
  readonly restUrl?: string | undefined;
  /** `host:port` at which TaskManagers reach the JobManager. */
  readonly jobManager: string;
  readonly processes: readonly ProcessRecord[];
  /** Other machines on which TaskManagers were started. */
  readonly hosts: readonly string[];
}

export interface ProcessRecord {
  readonly role: ProcessRole;
  /** As its log is called, e.g. `taskmanager-1`. */
  readonly name: string;
  readonly pid: number;
  /** Tells the process from others with its pid, as `Processes.identify` does. */
  readonly identity: string;
  /** Epoch milliseconds. */
  readonly since: number;
  readonly state: 'starting' | 'running';
  /** How often it was started again. */
  readonly restarts: number;
  readonly log: string;
  /** Of a TaskManager. */
  readonly id?: string | undefined;
  readonly slots?: number | undefined;
}

type DirectoryEnv = Pick<Env, 'disk' | 'random'> & {
  readonly terminal: Pick<Terminal, 'variables'>;
};

/** The secrets of a cluster, by the names of their files. */
export type SecretName = 'cluster-secret' | 'rest-token';

/** Folders within it. */
export type ClusterFolder = 'log' | 'blobs' | 'ha' | 'local-state';

export class ClusterDirectory {
  readonly path: string;
  readonly clusterId: string;
  readonly #env: DirectoryEnv;

  private constructor(env: DirectoryEnv, path: string, clusterId: string) {
    this.#env = env;
    this.path = path;
    this.clusterId = clusterId;
  }

  /**
   * Of the cluster that `cluster.id` names. Makes nothing.
   * @throws EngineError CLUSTER_HOME_UNKNOWN
   */
  static of(env: DirectoryEnv, configuration: Configuration): ClusterDirectory {
    const clusterId = configuration.get(ClusterOptions.clusterId);
    return new ClusterDirectory(env, `${homeOf(env)}/clusters/${clusterId}`, clusterId);
  }

  /** With this folder, which `path` of another has told. */
  static at(env: DirectoryEnv, path: string): ClusterDirectory {
    return new ClusterDirectory(env, path, path.slice(path.lastIndexOf('/') + 1));
  }

  /** Of all clusters that have been started on this machine. */
  static async all(env: DirectoryEnv): Promise<readonly ClusterDirectory[]> {
    const clusters = `${homeOf(env)}/clusters`;
    if ((await env.disk.stat(clusters)) === undefined) return [];
    const entries = await env.disk.list(clusters);
    return entries
      .filter(({ kind }) => kind === 'directory')
      .map(({ name }) => new ClusterDirectory(env, `${clusters}/${name}`, name));
  }

  /** Makes the folder, and those in it, if need be. */
  async make(): Promise<void> {
    const { disk } = this.#env;
    await disk.makeDirectory(homeOf(this.#env), 'private');
    await disk.makeDirectory(this.path, 'private');
    for (const folder of ['log', 'blobs', 'ha'] as const) {
      await disk.makeDirectory(this.folder(folder), 'private');
    }
  }

  folder(name: ClusterFolder): string {
    return `${this.path}/${name}`;
  }

  /** What runs, or ran. @throws EngineError CLUSTER_FILE_INVALID, IO_* */
  async read(): Promise<ClusterFile | undefined> {
    const file = (await this.#readJson(CLUSTER_FILE)) as ClusterFile | undefined;
    if (file === undefined) return undefined;
    if (file.version === VERSION && Array.isArray(file.processes)) return file;
    const path = `${this.path}/${CLUSTER_FILE}`;
    throw new EngineError('CLUSTER_FILE_INVALID', { path, reason: 'its version is another' });
  }

  async write(file: Omit<ClusterFile, 'version' | 'clusterId'>): Promise<void> {
    await this.#writeJson(CLUSTER_FILE, { version: VERSION, clusterId: this.clusterId, ...file });
  }

  /** Whether it has ever been started. */
  async isConfigured(): Promise<boolean> {
    return (await this.#env.disk.stat(`${this.path}/${CONFIGURATION_FILE}`)) !== undefined;
  }

  /** Of its processes. @throws EngineError CLUSTER_FILE_INVALID, CONFIG_*, IO_* */
  async readConfiguration(): Promise<Configuration> {
    const values = await this.#readJson(CONFIGURATION_FILE);
    if (values !== undefined) return Configuration.parse(values as Record<string, string>);
    const path = `${this.path}/${CONFIGURATION_FILE}`;
    throw new EngineError('CLUSTER_FILE_INVALID', { path, reason: 'it is not there' });
  }

  /** A file, because everybody may read the arguments of a process. */
  async writeConfiguration(configuration: Configuration): Promise<void> {
    await this.#writeJson(CONFIGURATION_FILE, configuration.toRecord());
  }

  /** The cluster has ended. Its secrets, logs and what outlives a JobManager stay. */
  async removeFile(): Promise<void> {
    await this.#env.disk.remove(`${this.path}/${CLUSTER_FILE}`);
  }

  /** Of a cluster that never runs again: no secret of it, and no job, is left. */
  async removeAllButLogs(): Promise<void> {
    const { disk } = this.#env;
    const logs = this.folder('log');
    for (const { name } of await disk.list(this.path)) {
      const path = `${this.path}/${name}`;
      if (path !== logs) await disk.remove(path);
    }
  }

  /**
   * 256 bits in hex; undefined if nobody has made it.
   * @throws EngineError CLUSTER_FILE_INVALID, IO_*
   */
  async readSecret(name: SecretName): Promise<string | undefined> {
    const path = `${this.path}/${name}`;
    const content = await readWhole(this.#env, path);
    if (content === undefined) return undefined;
    const text = new TextDecoder().decode(content).trim();
    if (/^[0-9a-f]{64}$/.test(text)) return text;
    const reason = 'it must hold 64 hexadecimal digits';
    throw new EngineError('CLUSTER_FILE_INVALID', { path, reason });
  }

  /** D1. Makes it unless there is one, or takes `given`. The folder must be there. */
  async makeSecret(name: SecretName, given?: string): Promise<string> {
    const known = await this.readSecret(name);
    if (known !== undefined && (given === undefined || given === known)) return known;
    const secret = given ?? hexOf(this.#env.random.bytes(SECRET_BYTES));
    const bytes = new TextEncoder().encode(`${secret}\n`);
    const place = { folder: this.path, name };
    if (given !== undefined) await writeAtomically(this.#env, place, bytes, 'private');
    else if (!(await writeOnce(this.#env, place, bytes, 'private'))) {
      return (await this.readSecret(name))!;
    }
    return secret;
  }

  async #readJson(name: string): Promise<unknown> {
    const path = `${this.path}/${name}`;
    const content = await readWhole(this.#env, path);
    if (content === undefined) return undefined;
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content));
    } catch (thrown) {
      throw new EngineError('CLUSTER_FILE_INVALID', { path, reason: messageOf(thrown) });
    }
  }

  async #writeJson(name: string, value: unknown): Promise<void> {
    const bytes = new TextEncoder().encode(`${JSON.stringify(value, undefined, 2)}\n`);
    await writeAtomically(this.#env, { folder: this.path, name }, bytes, 'private');
  }
}

/** `MILLRACE_HOME`, or `.millrace` in the user's home. */
function homeOf({ terminal, disk }: DirectoryEnv): string {
  const { MILLRACE_HOME: own, HOME: home, USERPROFILE: profile } = terminal.variables;
  if (own !== undefined && own !== '') return disk.resolve(own);
  const folder = home ?? profile;
  if (folder === undefined || folder === '') throw new EngineError('CLUSTER_HOME_UNKNOWN', {});
  return `${disk.resolve(folder)}/.millrace`;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
