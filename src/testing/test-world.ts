/**
 * What a job under test sees of the world: a clock that is moved by hand, chance from a seed, a log
 * that is kept, memory in place of scratch files, and neither disk nor network.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { Prng } from '../base/prng.ts';
import type { Timestamp } from '../base/units.ts';
import type {
  Compression,
  Disk,
  Log,
  LogFields,
  LogLevel,
  Network,
  Random,
  ScratchFile,
} from '../env/env.ts';
import type { ConnectorEnv } from '../functions/source.ts';
import { ManualClock } from './manual-clock.ts';

/** A line that the job, or the engine on its behalf, has written to the log. */
export interface LoggedLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export class TestWorld implements ConnectorEnv {
  readonly clock: ManualClock;
  readonly random: Random;
  readonly lines: LoggedLine[] = [];
  readonly log: Log = new KeptLog(this.lines, {});
  readonly disk: Disk = absent<Disk>('disk', { scratch: () => new MemoryScratch() });
  readonly compression: Compression = absent<Compression>('compression', {});
  readonly network: Network = absent<Network>('network', {});

  constructor(start: Timestamp, seed: number) {
    this.clock = new ManualClock(start);
    this.random = new SeededRandom(seed);
  }
}

/** Refuses everything but what `present` has. */
function absent<T extends object>(what: string, present: Partial<T>): T {
  return new Proxy(present as T, {
    get: (target, name) =>
      Reflect.has(target, name)
        ? (Reflect.get(target, name) as unknown)
        : () => {
            throw new EngineError('API_INVALID_ARGUMENT', {
              call: 'JobHarness',
              reason:
                `a source or sink that runs for real uses the ${what} (${String(name)}), and a ` +
                'harness has none: feed the source by hand, and let the sink be captured',
            });
          },
  });
}

class SeededRandom implements Random {
  readonly #prng: Prng;

  constructor(seed: number) {
    this.#prng = Prng.of(seed);
  }

  uint32(): number {
    return this.#prng.uint32();
  }

  below(limit: number): number {
    return this.#prng.below(limit);
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#prng.below(256));
  }

  uuid(): string {
    const hex = Array.from(this.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
    const version = `4${hex.slice(13, 16)}-8${hex.slice(17, 20)}`;
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${version}-${hex.slice(20)}`;
  }

  buggify(): boolean {
    return false;
  }
}

class KeptLog implements Log {
  readonly #lines: LoggedLine[];
  readonly #fields: LogFields;

  constructor(lines: LoggedLine[], fields: LogFields) {
    this.#lines = lines;
    this.#fields = fields;
  }

  write(level: LogLevel, message: string, fields: LogFields = {}): void {
    this.#lines.push({ level, message, fields: { ...this.#fields, ...fields } });
  }

  with(fields: LogFields): Log {
    return new KeptLog(this.#lines, { ...this.#fields, ...fields });
  }
}

/** Where the overdraft of a function that emits very much goes. */
class MemoryScratch implements ScratchFile {
  #pieces: Uint8Array[] = [];
  size = 0;

  append(bytes: Uint8Array): void {
    this.#pieces.push(bytes.slice());
    this.size += bytes.length;
  }

  read(into: Uint8Array, position: number): void {
    const all = Buffer.concat(this.#pieces);
    this.#pieces = [all];
    assert(position + into.length <= all.length, 'a read beyond the end of a scratch file');
    into.set(all.subarray(position, position + into.length));
  }

  [Symbol.dispose](): void {
    this.#pieces = [];
  }
}
