/**
 * Everything a process of the engine may do to the world. There is one real implementation
 * (`env/node`) and one simulated (`sim/`), no third: clocks, sockets, files, threads, random draws
 * and signals reach the engine only through these interfaces, so that a whole cluster can run in
 * one thread under a seed. Buffers handed to an implementation belong to it until the call is
 * done; buffers handed to a callback belong to the callee only during that callback, unless said
 * otherwise.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import type { Duration, Timestamp } from '../base/units.ts';

export interface Env {
  readonly clock: Clock;
  readonly random: Random;
  readonly cryptography: Cryptography;
  readonly network: Network;
  /**
   * The network on which every connection is TLS 1.3, and both sides show a certificate of the
   * given authority. In simulation and in memory there is no wire to read along, and it is the
   * plain one.
   * @throws EngineError CONFIG_TLS_INVALID
   */
  readonly securedNetwork: (identity: TlsIdentity) => Network;
  readonly disk: Disk;
  readonly compression: Compression;
  readonly memory: Memory;
  readonly workers: Workers;
  readonly processes: Processes;
  readonly machine: Machine;
  readonly modules: Modules;
  readonly profiler: Profiler;
  readonly terminal: Terminal;
  readonly log: Log;
}

// ---------------------------------------------------------------------------------------- clock

export interface Clock {
  /** Wall clock; may jump either way. Never used for time-outs or identities. */
  now(): Timestamp;
  /** Time since some start that all threads of a process share; never goes back. */
  monotonic(): Duration;
  /**
   * CPU time that the process has used, user and system, all threads. In simulation it follows
   * `monotonic`.
   */
  cpuTime(): Duration;
  /**
   * Calls back once after at least `delay`; disposing it before that cancels it. Errors thrown by
   * the callback are fatal.
   */
  after(delay: Duration, callback: () => void): Disposable;
  /**
   * Calls back once in a later turn of the event loop, after input has been looked at. Not
   * cancellable.
   */
  soon(callback: () => void): void;
}

// --------------------------------------------------------------------------------------- random

export interface Random {
  /** Uniform in [0, 2^32). */
  uint32(): number;
  /** Uniform integer in [0, limit); limit in [1, 2^32]. */
  below(limit: number): number;
  /** Random bytes fit for secrets (in the real environment). */
  bytes(count: number): Uint8Array;
  /** A version 4 UUID. */
  uuid(): string;
  /** False in the real environment; sometimes true in simulation, per site, for rare paths. */
  buggify(site: string): boolean;
}

// --------------------------------------------------------------------------------- cryptography

/** Computes only; behind the seam because the platform's own code is loaded on first use. */
export interface Cryptography {
  /** The keyed hash of RFC 2104 over SHA-256, 32 bytes. */
  hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array;
  /** Whether both hold the same bytes, in a time that tells nothing about where they differ. */
  equal(left: Uint8Array, right: Uint8Array): boolean;
}

// -------------------------------------------------------------------------------------- network

export interface Network {
  /** @throws EngineError NETWORK_FAILED, e.g. if the port is taken. Port 0 picks a free one. */
  listen(host: string, port: number, accept: (connection: Connection) => void): Promise<Listener>;
  /** @throws EngineError NETWORK_FAILED if nobody answers. */
  connect(host: string, port: number): Promise<Connection>;
}

/** Who a process is on the network, as PEM. */
export interface TlsIdentity {
  /** Its certificate, and those between it and the authority. */
  readonly certificate: string;
  readonly key: string;
  /** Certificates of the authorities that are believed, and no others are. */
  readonly authority: string;
  /** Whether the certificate of whoever is dialled must name the host. */
  readonly verifyHostName: boolean;
}

export interface Listener extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
}

/** A byte stream both ways, in order, without loss until it closes. */
export interface Connection {
  /** `host:port` of the other side, for messages only. */
  readonly remote: string;
  /** Begins delivery; must be called once, in the turn in which the connection was handed over. */
  start(handler: ConnectionHandler): void;
  /**
   * Queues bytes without copying them: from here on they belong to the connection, and the caller
   * must not touch them again.
   * @returns false when more than the high-water mark is queued; `drained` is called when it is not
   * any more. False too, and nothing is queued, once either side has closed: `closed` follows.
   */
  send(bytes: Uint8Array): boolean;
  /**
   * Sends what is queued, then closes. The other side closes in answer, after sending what it has
   * queued, so that an orderly end loses nothing either way: `data` may still come until `closed`.
   * A side that never answers holds the connection open: `destroy` is for that. Idempotent.
   */
  close(): void;
  /**
   * Closes at once; queued bytes may be lost, and the other side is told that it was no orderly
   * end (not always where there is TLS). Idempotent.
   */
  destroy(): void;
}

export interface ConnectionHandler {
  /** Any number of bytes, cut anywhere; valid during the call only. */
  data(bytes: Uint8Array): void;
  drained(): void;
  /**
   * Exactly once and never inside a call of the connection; nothing is called after it. `reason` is
   * undefined for an orderly end, which proves nothing: it is also what a process that dies looks
   * like.
   */
  closed(reason: string | undefined): void;
}

// ----------------------------------------------------------------------------------------- disk

/**
 * Paths are absolute or relative to the working directory, with `/` between names. All errors are
 * EngineError IO_*.
 */
export interface Disk {
  /** With `access`, a file that is made, or truncated, is that from its first byte on. */
  open(path: string, mode: OpenMode, access?: Access): Promise<DiskFile>;
  /** Undefined if there is nothing at the path. */
  stat(path: string): Promise<FileStat | undefined>;
  /** Entries of a folder in order of name (by UTF-16 code units). @throws IO_NOT_FOUND */
  list(path: string): Promise<readonly DirectoryEntry[]>;
  /**
   * Makes the folder and its parents; one that exists stays as it is, except that it gets `access`.
   */
  makeDirectory(path: string, access?: Access): Promise<void>;
  /**
   * Replaces `to` atomically if it is a file. Durable only after `syncDirectory` of both folders.
   */
  rename(from: string, to: string): Promise<void>;
  /** Hard link. @throws IO_EXISTS if `to` exists: this is the atomic "publish if absent". */
  link(from: string, to: string): Promise<void>;
  /** Removes a file, or a folder with all that is in it. Nothing happens if it does not exist. */
  remove(path: string): Promise<void>;
  /** Makes creations, renames and removals of entries in this folder durable. */
  syncDirectory(path: string): Promise<void>;
  /**
   * Locks the file at the path, which is made (private) if need be, against everybody who asks for
   * its lock, on whatever machine: until `release`, or the end of this process, however that ends.
   * Undefined if another has it. Nobody opens or removes a file that is there to be locked.
   * @throws EngineError IO_FAILED where the file system has no locks
   */
  lock(path: string): Promise<DiskLock | undefined>;
  /** The absolute form of a path, without following links. */
  resolve(path: string): string;
  /**
   * A scratch file for spilling, without a name, gone with the process. Synchronous by design:
   * see `ScratchFile`.
   */
  scratch(): ScratchFile;
}

export interface DiskLock {
  /** Idempotent. */
  release(): Promise<void>;
}

/**
 * `create` fails with IO_EXISTS, `write` truncates, `append` writes at the end, `update` keeps
 * the content; all but `read` make the file if need be (`update` does not). Every mode can read.
 */
export type OpenMode = 'read' | 'create' | 'write' | 'append' | 'update';

/**
 * Private: nobody but the user whose process it is can read or change it, whatever the system's
 * defaults. Windows knows this by folder only: there the folder's own rules hold.
 */
export type Access = 'private';

export interface DiskFile {
  /** Reads up to `into.length` bytes at `position`; returns how many, 0 at the end. */
  read(into: Uint8Array, position: number): Promise<number>;
  /**
   * Writes all bytes at `position` (at the end in mode `append`). They survive a crash only after
   * `sync`.
   */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /**
   * Makes content and size durable. After a failure the file's content is unknown: never retry as
   * if it were clean; `write`, `truncate` and `sync` of this handle fail from then on.
   */
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  size(): Promise<number>;
  /** Idempotent; nothing else may be called after it. */
  close(): Promise<void>;
}

/**
 * The one synchronous file: overdraft of an outbox must go somewhere in the middle of a user
 * function. Never durable.
 */
export interface ScratchFile extends Disposable {
  append(bytes: Uint8Array): void;
  /** Fills `into` from `position`. */
  read(into: Uint8Array, position: number): void;
  readonly size: number;
}

export interface FileStat {
  readonly kind: 'file' | 'directory' | 'other';
  readonly size: number;
  readonly modified: Timestamp;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'other';
}

// ---------------------------------------------------------------------------------- compression

/** `deflate` is that of RFC 1950 (zlib), as files ending in `.deflate` hold it. */
export type CompressionKind = 'gzip' | 'deflate' | 'zstd';

/**
 * Computes, but may do so on other threads, so that an answer comes later; hence its place behind
 * the seam.
 */
export interface Compression {
  /**
   * The content of compressed bytes, in pieces that belong to the caller; the chunks belong to the
   * implementation. Several compressed contents one after another give theirs one after another.
   * Ends what it began when the caller stops before the end.
   * @param what the name of it in messages
   * @throws EngineError DATA_CORRUPT, also if the bytes end too early.
   */
  decompress(
    kind: CompressionKind,
    chunks: AsyncIterable<Uint8Array>,
    what: string,
  ): AsyncIterable<Uint8Array>;
  /** The bytes must not be touched until it has resolved; the result belongs to the caller. */
  compress(kind: CompressionKind, bytes: Uint8Array): Promise<Uint8Array>;
}

// --------------------------------------------------------------------------------------- memory

export interface Memory {
  /**
   * Zeroed memory that can be handed to workers of this process. `byteLength` is a multiple of 8.
   */
  allocate(byteLength: number): SharedRegion;
  /**
   * Bytes used of the V8 heap of this thread, garbage included, and by its array buffers, which are
   * outside; cheap enough to ask once a batch. 0 in simulation.
   */
  heapUsed(): number;
  /** In a worker: frees what is garbage in it, however long that takes. */
  collectGarbage(): void;
}

/**
 * Memory shared by the threads of one process. Words are 32-bit signed integers, addressed by index
 * (byte offset / 4); every word operation is sequentially consistent and, in simulation, a point at
 * which the process can be killed. `bytes` is the same memory without any ordering: what one side
 * wrote there is seen by the other only after a word operation of each.
 */
export interface SharedRegion {
  readonly byteLength: number;
  readonly bytes: Uint8Array;
  load(word: number): number;
  store(word: number, value: number): void;
  exchange(word: number, value: number): number;
  compareExchange(word: number, expected: number, value: number): number;
  add(word: number, value: number): number;
  /**
   * Calls back once, never inside the call: when the word is notified, or as `Clock.soon` does if
   * it is not `expected` now. No time-out: use Clock.
   */
  wait(word: number, expected: number, callback: () => void): void;
  /** Wakes every waiter of the word. */
  notify(word: number): void;
}

// -------------------------------------------------------------------------------------- workers

/**
 * What runs in a worker: the tasks of one slot, or the user's code that a job's master needs
 * (build, enumerators, committers of a job).
 */
export type WorkerRole = 'slot' | 'coordinator';

export interface Workers {
  /**
   * Starts a thread that runs the entry point of `role` with `data`; ready when its first message
   * arrives.
   */
  spawn(role: WorkerRole, options: WorkerOptions): WorkerHandle;
}

export interface WorkerOptions {
  /** Shown in thread lists and logs. */
  readonly name: string;
  /**
   * V8's limit of the worker's old generation; the worker alone ends when it is passed, normally.
   */
  readonly heapLimitMegabytes?: number | undefined;
  readonly data: Uint8Array;
  readonly regions?: readonly SharedRegion[] | undefined;
}

export type OutputStream = 'stdout' | 'stderr';

export type TakeOutput = (stream: OutputStream, text: string) => void;

export interface WorkerHandle {
  readonly port: Port;
  /** Why it ended; never rejects. By then its messages have arrived. */
  readonly exited: Promise<ExitReason>;
  /** Ends it, whatever it is doing. `exited` tells when it is gone. */
  terminate(): void;
  /** As `Memory.heapUsed`, seen from outside. Undefined once it has exited. */
  heapUsed(): Promise<number | undefined>;
  /**
   * From now on what code in it writes on its standard streams comes here, in lines, and not to
   * those of this process. The last lines may come after `exited`. Called at most once.
   */
  captureOutput(take: TakeOutput): void;
  /**
   * Where its code is just now, innermost first, with places in the sources; it stands still for
   * that for an instant. Empty: it waits in its event loop, or has ended.
   * @throws EngineError PROFILER_UNAVAILABLE
   */
  stack(): Promise<readonly string[]>;
  /**
   * Begins to look at it, whatever it does; a profile of code that was in one call all the time
   * names the caller alone.
   * @throws EngineError PROFILER_UNAVAILABLE, also if it has ended
   */
  profile(kind: ProfileKind): Promise<ProfileRecording>;
}

/** Where time goes, or where memory is allocated. */
export type ProfileKind = 'cpu' | 'heap';

export type ExitReason =
  | { readonly kind: 'finished' }
  | { readonly kind: 'terminated' }
  | { readonly kind: 'out-of-memory' }
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly stack: string | undefined;
      /** Where code in it has ended the thread with this code. */
      readonly exitCode?: number | undefined;
    };

/** Messages between a worker and its owner: in order, none lost while both live. */
export interface Port {
  /**
   * Bytes are copied or moved; the caller must not touch them again. Posting to a worker that is
   * gone does nothing.
   */
  post(bytes: Uint8Array, regions?: readonly SharedRegion[]): void;
  /**
   * Must be called once; messages that came before are delivered then. Buffers belong to the
   * callee.
   */
  receive(handler: (bytes: Uint8Array, regions: readonly SharedRegion[]) => void): void;
}

/**
 * What the entry point of a worker gets. The worker lives until `exit` or the end of its process.
 */
export interface WorkerContext {
  readonly env: Env;
  readonly data: Uint8Array;
  readonly regions: readonly SharedRegion[];
  readonly port: Port;
  /**
   * From now on what code in it writes on its standard streams comes here, inside the call that
   * writes, and not to those of the process: whoever takes it knows what runs.
   */
  takeOutput(take: TakeOutput): void;
  exit(): void;
}

export type WorkerMain = (context: WorkerContext) => Promise<void> | void;

// ------------------------------------------------------------------------------------- profiler

/** Finds out what a thread spends its time on. */
export interface Profiler {
  /**
   * Begins to look at the stack of this thread every `interval`. At most one recording at a time.
   * @throws EngineError PROFILER_UNAVAILABLE
   */
  start(interval: Duration): Promise<ProfileRecording>;
  /**
   * Begins to sample what this thread allocates; gives the JSON of a `.heapprofile`.
   * @throws EngineError PROFILER_UNAVAILABLE
   */
  startHeap(): Promise<ProfileRecording>;
}

export interface ProfileRecording {
  /**
   * Ends it. Once.
   * @returns the JSON of a `.cpuprofile`, as Chrome DevTools opens it, with places in the sources
   *   that the code was made of where it has a source map. In simulation it holds no samples.
   */
  stop(): Promise<string>;
}

// ------------------------------------------------------------------------------------ processes

export type ProcessRole = 'jobmanager' | 'taskmanager' | 'supervisor';

export interface Processes {
  /** The id of this process. */
  readonly pid: number;
  /** The program and its first arguments that are this command line, without what was typed. */
  readonly self: readonly string[];
  /** What started this process, if that was `spawn` and it still lives. */
  readonly parent: ProcessParent | undefined;
  spawn(
    role: ProcessRole,
    args: readonly string[],
    options?: ProcessOptions,
  ): Promise<ProcessHandle>;
  /**
   * Tells the process with an id from all that have had it before or will have it; undefined if
   * there is none, or it has ended and only its parent has not looked yet.
   */
  identify(pid: number): Promise<string | undefined>;
  /** Of any process; does nothing if there is none. @throws EngineError PROCESS_NOT_OURS */
  signal(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Runs a program of the system to its end. @throws EngineError PROCESS_START_FAILED */
  run(program: string, args: readonly string[], input: string): Promise<ProgramResult>;
}

export interface ProcessOptions {
  /**
   * The file to which it appends what it writes, or one for each stream; undefined: where this
   * process writes.
   */
  readonly output?: string | Readonly<Record<OutputStream, string>> | undefined;
  /** It goes on when this process and its terminal are gone. */
  readonly detached?: boolean | undefined;
}

export interface ProcessHandle {
  readonly pid: number;
  readonly exited: Promise<ProcessEnd>;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Must be called at most once; messages that came before are delivered then. */
  onMessage(listener: (text: string) => void): void;
  /** Forgets the process: this one may end without waiting for it. */
  release(): void;
}

export interface ProcessEnd {
  readonly code: number | undefined;
  readonly signal: string | undefined;
}

export interface ProcessParent {
  /** Does nothing once it is gone. */
  tell(text: string): void;
  /** Called once, when it has ended or released this process. */
  onGone(listener: () => void): void;
}

export interface ProgramResult extends ProcessEnd {
  readonly stdout: string;
  readonly stderr: string;
}

// -------------------------------------------------------------------------------------- machine

/** What this process runs on. */
export interface Machine {
  readonly hostName: string;
  /** Processors that this process may use. */
  readonly cores: number;
  readonly memoryBytes: number;
  freeMemoryBytes(): number;
  /** What this process occupies of it. */
  residentBytes(): number;
}

// -------------------------------------------------------------------------------------- modules

export interface Modules {
  /**
   * Imports a job module, with `millrace` and `millrace/*` mapped to the running engine. In a
   * worker this gives an instance of its own; asking twice in one worker gives the same instance.
   */
  load(url: string): Promise<Readonly<Record<string, unknown>>>;
}

// ------------------------------------------------------------------------------------- terminal

export interface Terminal {
  readonly args: readonly string[];
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
  /**
   * Calls back on every SIGINT or SIGTERM, and once with SIGTERM when the terminal has gone
   * (SIGHUP); without a listener the process ends as usual.
   */
  onSignal(listener: (signal: 'SIGINT' | 'SIGTERM') => void): Disposable;
}

export interface TerminalStream {
  /** Undefined when it is not a terminal. */
  readonly columns: number | undefined;
  write(text: string): void;
  /** Resolves when all that was written has left the process. */
  flush(): Promise<void>;
}

// ------------------------------------------------------------------------------------------ log

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  write(level: LogLevel, message: string, fields?: LogFields): void;
  /** The same log with fields that every line carries. */
  with(fields: LogFields): Log;
}
