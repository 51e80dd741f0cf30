/**
 * Packages that cannot be bundled, because a part of them is no JavaScript: compiled add-ons, and
 * programs for one kind of machine.
 */
import type { Disk } from '../../env/env.ts';
import { packageFolder } from './bundle-paths.ts';

/** What loads or builds add-ons, so that whoever depends on it has one. */
const LOADERS: ReadonlySet<string> = new Set([
  'bindings',
  'node-gyp-build',
  'node-gyp-build-optional-packages',
  'node-pre-gyp',
  '@mapbox/node-pre-gyp',
  '@discoveryjs/node-pre-gyp',
  'prebuild-install',
  'prebuildify',
  'node-gyp',
]);
const PLATFORM =
  /[-/](?:linux|linuxmusl|darwin|win32|windows|freebsd|android)-(?:x64|arm64|arm|ia32|universal)\b/;

interface Manifest {
  readonly name?: unknown;
  readonly gypfile?: unknown;
  readonly dependencies?: Readonly<Record<string, unknown>>;
  readonly optionalDependencies?: Readonly<Record<string, unknown>>;
}

export interface NativePart {
  readonly name: string;
  /** Where it shows. */
  readonly what: string;
}

/** Looks at each package once. */
export class NativeParts {
  readonly #disk: Disk;
  readonly #packages = new Map<string, Promise<NativePart | undefined>>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Of the package that a file lies in. */
  async of(path: string): Promise<NativePart | undefined> {
    const folder = await packageFolder(this.#disk, path.slice(0, path.lastIndexOf('/')));
    if (folder === undefined) return undefined;
    let found = this.#packages.get(folder);
    if (found === undefined) {
      found = this.#look(folder);
      this.#packages.set(folder, found);
    }
    return found;
  }

  async #look(folder: string): Promise<NativePart | undefined> {
    const manifest = await this.#manifest(folder);
    const name = typeof manifest.name === 'string' ? manifest.name : folder;
    const names = (await this.#disk.list(folder)).map((entry) => entry.name);
    const file = names.find(
      (each) => each === 'binding.gyp' || each === 'prebuilds' || each.endsWith('.node'),
    );
    if (file !== undefined) return { name, what: file };
    if (manifest.gypfile === true) return { name, what: 'gypfile' };
    const dependencies = Object.keys(manifest.dependencies ?? {});
    const loader = dependencies.find((each) => LOADERS.has(each));
    if (loader !== undefined) return { name, what: `it depends on ${loader}` };
    const optional = Object.keys(manifest.optionalDependencies ?? {});
    const platform = optional.find((each) => PLATFORM.test(each));
    return platform === undefined ? undefined : { name, what: `it comes with ${platform}` };
  }

  async #manifest(folder: string): Promise<Manifest> {
    const file = await this.#disk.open(`${folder}/package.json`, 'read');
    try {
      const bytes = new Uint8Array(await file.size());
      await file.read(bytes, 0);
      const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes));
      return typeof parsed === 'object' && parsed !== null ? parsed : {};
    } catch {
      // Whoever resolved a module through it has said so already.
      return {};
    } finally {
      await file.close();
    }
  }
}
