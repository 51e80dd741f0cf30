/**
 * What a window has gathered of its records, as state of the current key and a window: a reduced
 * record, an accumulator, or the records themselves.
 */
import { unreachable } from '../../base/assert.ts';
import { state, type StateDescriptor } from '../../functions/state.ts';
import type { Window } from '../../functions/window.ts';
import type { WindowContents as ContentsSpec, WindowSpec } from '../../graph/operator-spec.ts';
import type {
  KeyedStateBackend,
  MergingHandle,
  NamespacedState,
} from '../../state/keyed-state-backend.ts';
import type { Schema } from '../../types/schema.ts';
import { rollingReduction } from '../rolling-functions.ts';
import { userCodeFailure } from '../user-code.ts';
import { WINDOW_SCHEMA } from './window-schema.ts';

/** Where the contents of a window go when it fires. */
export interface FiredWindows {
  fired(window: Window, value: unknown): void;
}

/** What windows do with their contents, whatever these are. */
export interface KeptContents {
  /** Of the current key, to act on. */
  setWindow(window: Window): void;
  add(value: unknown, timestamp: number): void;
  /** Hands on what there is, if there is anything. `window` is the one that the user sees. */
  fire(window: Window, to: FiredWindows): void;
  /** Drops what there is; the window goes on. */
  purge(): void;
  /** The window is over. */
  clear(): void;
  /** Adds what other windows have to that of `into`, which is the one it acts on afterwards. */
  merge(into: Window, others: readonly Window[]): void;
}

/** How contents are kept, and read when the window fires. */
export interface ContentsKind<H> {
  /** Of the user's function, in messages. */
  readonly role: string;
  readonly descriptor: StateDescriptor;
  /** Undefined if there is nothing. */
  readonly read: (handle: H) => unknown;
}

/** What the handles of all kinds of contents can do. */
export interface ContentsHandle extends MergingHandle {
  add(value: unknown): void;
  clear(): void;
}

/** Acts on the current key and the window of `setWindow`. */
export class WindowContents<H extends ContentsHandle = any> implements KeptContents {
  protected readonly handle: H;
  protected readonly operator: string;
  readonly #state: NamespacedState<unknown, Window>;
  readonly #kind: ContentsKind<H>;

  constructor(kind: ContentsKind<H>, backend: KeyedStateBackend, operator: string) {
    this.#state = backend.registerNamespaced('window-contents', kind.descriptor, WINDOW_SCHEMA);
    this.handle = this.#state.handle as H;
    this.operator = operator;
    this.#kind = kind;
  }

  setWindow(window: Window): void {
    this.#state.setNamespace(window);
  }

  add(value: unknown, _timestamp: number): void {
    try {
      this.handle.add(value);
    } catch (thrown) {
      throw userCodeFailure(this.#kind.role, this.operator, thrown);
    }
  }

  fire(window: Window, to: FiredWindows): void {
    const value = this.#read();
    if (value !== undefined) to.fired(window, value);
  }

  purge(): void {
    this.handle.clear();
  }

  clear(): void {
    this.handle.clear();
  }

  merge(into: Window, others: readonly Window[]): void {
    for (const other of others) {
      this.setWindow(other);
      const taken = this.handle.take();
      this.setWindow(into);
      if (taken !== undefined) this.#merge(taken);
    }
    this.setWindow(into);
  }

  #read(): unknown {
    try {
      return this.#kind.read(this.handle);
    } catch (thrown) {
      throw userCodeFailure(this.#kind.role, this.operator, thrown);
    }
  }

  #merge(taken: unknown): void {
    try {
      this.handle.merge(taken);
    } catch (thrown) {
      throw userCodeFailure(this.#kind.role, this.operator, thrown);
    }
  }
}

interface ReadableHandle extends ContentsHandle {
  get(): unknown;
}

interface ListHandle extends ContentsHandle {
  values(): Iterable<unknown>;
  readonly isEmpty: boolean;
}

type KeptSpec = Pick<WindowSpec, 'contents' | 'value'>;

/** The contents of windows without evictor. */
export function createContents(
  spec: KeptSpec,
  backend: KeyedStateBackend,
  operator: string,
): WindowContents {
  return new WindowContents(contentsKind(spec), backend, operator);
}

function contentsKind({ contents, value }: KeptSpec): ContentsKind<any> {
  switch (contents.kind) {
    case 'aggregate':
      return { role: 'aggregate', descriptor: state.aggregating(contents.aggregate), read: get };
    case 'reduce':
    case 'rolling': {
      const descriptor = state.reducing(value!, reductionOf(contents, value!));
      return { role: roleOf(contents), descriptor, read: get };
    }
    case 'list':
      return { role: 'process', descriptor: state.list(value!), read: valuesIfAny };
    default:
      return unreachable(contents, 'contentsKind');
  }
}

function get(handle: ReadableHandle): unknown {
  return handle.get();
}

function valuesIfAny(handle: ListHandle): Iterable<unknown> | undefined {
  return handle.isEmpty ? undefined : handle.values();
}

/** How the user's function is called in messages. */
export function roleOf(contents: ContentsSpec): string {
  return contents.kind === 'rolling' ? contents.rolling : contents.kind;
}

type ReducedSpec = Extract<ContentsSpec, { readonly kind: 'reduce' | 'rolling' }>;

/** How two records become one; `schema` is theirs. */
export function reductionOf(
  contents: ReducedSpec,
  schema: Schema<unknown>,
): (accumulated: unknown, value: unknown) => unknown {
  return contents.kind === 'reduce'
    ? contents.reduce
    : rollingReduction(contents.rolling, contents.field, schema);
}
