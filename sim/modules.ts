/**
 * Job modules in a simulation. All simulated workers live in one thread of Node, where a module is
 * evaluated once; so a job is bundled into one module, and every worker and attempt gets an
 * instance of that under a URL of its own. Only the engine (`millrace`) is shared, which has no
 * mutable module state.
 *
 * Invariants
 * J1. Two threads never get the same instance; one thread that asks twice gets the same one.
 * J2. Virtual time stands still while a module is loaded.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { EngineError } from '../src/base/errors.ts';
import type { Modules } from '../src/env/env.ts';
import { BUNDLE_FOLDER } from './stacks.ts';
import type { SimThread } from './thread.ts';

type Namespace = Readonly<Record<string, unknown>>;

/**
 * The job modules that the threads of a simulation may load.
 * @example
 * await using jobs = await JobModules.bundle({ 'job:count': new URL('./count.ts', import.meta.url)
 * });
 * await jobs.instantiate('job:count', 20);
 */
export class JobModules implements AsyncDisposable {
  readonly #folder: string;
  readonly #bundles: ReadonlyMap<string, string>;
  readonly #ready: Map<string, Namespace[]> = new Map();
  #instances = 0;

  private constructor(folder: string, bundles: ReadonlyMap<string, string>) {
    this.#folder = folder;
    this.#bundles = bundles;
  }

  /**
   * Bundles each file with everything it imports, except the engine, into one module under the
   * given URL.
   */
  static async bundle(files: Readonly<Record<string, URL>>): Promise<JobModules> {
    const folder = await mkdtemp(join(tmpdir(), BUNDLE_FOLDER));
    const bundles = new Map<string, string>();
    for (const [url, file] of Object.entries(files)) {
      const path = join(folder, `${url.replaceAll(/[^A-Za-z0-9-]/g, '-')}.mjs`);
      await writeFile(path, await bundleText(file));
      bundles.set(url, pathToFileURL(path).href);
    }
    return new JobModules(folder, bundles);
  }

  /** Makes `count` instances ahead, so that no virtual time waits for them. */
  async instantiate(url: string, count: number): Promise<void> {
    const ready = this.#ready.get(url) ?? [];
    this.#ready.set(url, ready);
    while (ready.length < count) ready.push(await this.#instance(url));
  }

  /**
   * A fresh instance, or the promise of one. @throws IO_NOT_FOUND for a URL that was not bundled
   */
  take(url: string): Namespace | Promise<Namespace> {
    return this.#ready.get(url)?.pop() ?? this.#instance(url);
  }

  has(url: string): boolean {
    return this.#bundles.has(url);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #instance(url: string): Promise<Namespace> {
    const bundle = this.#bundles.get(url);
    if (bundle === undefined) throw new EngineError('IO_NOT_FOUND', { path: url });
    this.#instances += 1;
    // A query makes an instance of its own of a module, and the bundle is one module.
    return (await import(`${bundle}?instance=${this.#instances}`)) as Namespace;
  }
}

export class SimModules implements Modules {
  readonly #thread: SimThread;
  readonly #jobs: JobModules | undefined;
  readonly #loaded: Map<string, Promise<Namespace>> = new Map();

  constructor(thread: SimThread, jobs: JobModules | undefined) {
    this.#thread = thread;
    this.#jobs = jobs;
  }

  load(url: string): Promise<Namespace> {
    this.#thread.enter();
    let loaded = this.#loaded.get(url);
    if (loaded === undefined) {
      loaded = this.#load(url);
      this.#loaded.set(url, loaded);
    }
    return loaded;
  }

  #load(url: string): Promise<Namespace> {
    const thread = this.#thread;
    const jobs = this.#jobs;
    return thread.promise<Namespace>((settle) => {
      if (jobs === undefined || !jobs.has(url)) {
        settle.reject('module', 0, 0, new EngineError('IO_NOT_FOUND', { path: url }));
        return;
      }
      let outcome: (() => Namespace) | undefined;
      const settled = Promise.resolve(jobs.take(url)).then(
        (namespace) => () => namespace,
        (error: unknown) => () => {
          throw error;
        },
      );
      thread.scheduler.hold(
        settled.then((made) => {
          outcome = made;
        }),
      );
      thread.scheduler.world(1, 'module', thread.id, 0, () => {
        try {
          const namespace = (outcome as () => Namespace)();
          settle.resolve('module', thread.id, 0, () => namespace);
        } catch (error) {
          settle.reject('module', thread.id, 1, error as Error);
        }
      });
    });
  }
}

async function bundleText(file: URL): Promise<string> {
  const engine = new URL('../src/', import.meta.url);
  await using bundle = await rolldown({
    input: fileURLToPath(file),
    platform: 'node',
    plugins: [
      {
        name: 'engine',
        resolveId(source) {
          if (source !== 'millrace' && !source.startsWith('millrace/')) return undefined;
          const part = source === 'millrace' ? '' : `${source.slice('millrace/'.length)}/`;
          return { id: new URL(`${part}index.ts`, engine).href, external: 'absolute' };
        },
      },
    ],
  });
  const options = { format: 'esm', sourcemap: 'inline', codeSplitting: false } as const;
  const { output } = await bundle.generate(options);
  const [entry] = output;
  return entry.code;
}
