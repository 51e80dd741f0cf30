/**
 * Where the connections of a slot with slots of other processes begin. Both sides show each other
 * that they know the key of the job, which its JobMaster gave them, together with which two slots
 * of which generation are to be joined. No byte of anybody else reaches a link.
 *
 * K1. A connection is handed over only if the other side has shown the key, and both mean the same
 *     job, the same generation and the same two slots.
 * K2. Of a pair that is joined already a second connection is refused.
 */
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { isEngineError } from '../../base/errors.ts';
import type { Connection, Env } from '../../env/env.ts';
import type { SlotLocation, SlotPreparation } from '../../protocol/task-deployment.ts';
import { dial } from '../../rpc/dial.ts';
import type { HandshakeEnv, Introduced } from '../../rpc/dial.ts';
import type { VersionRange } from '../../rpc/handshake-frames.ts';
import { Reception } from '../../rpc/reception.ts';
import { t } from '../../types/index.ts';
import type { Infer } from '../../types/index.ts';

/** Grow with every change of a frame between slots. */
const DATA_VERSIONS: VersionRange = { least: 1, greatest: 1 };

const PlaceSchema = t.struct({ taskExecutorId: t.string, slot: t.int32, generation: t.integer });
/** What whoever dials says of the connection. */
const Joining = t.struct({ jobId: t.string, from: PlaceSchema, to: PlaceSchema });

/** One life of a slot. */
export type Place = Pick<SlotLocation, 'taskExecutorId' | 'slot' | 'generation'>;

export interface DataPortOptions {
  readonly env: HandshakeEnv & Pick<Env, 'log'>;
  readonly jobId: string;
  /** Of the job. */
  readonly key: Uint8Array;
  readonly place: Place;
  /** Whether a connection with that slot is there already. */
  readonly isJoined: (peer: Place) => boolean;
  /** Takes over a connection that another slot has opened. */
  readonly joined: (peer: Place, connection: Connection) => void;
}

export class DataPort {
  readonly #options: DataPortOptions;

  constructor(options: DataPortOptions) {
    this.#options = options;
  }

  /** Opens the port, which goes with the worker. @returns its number */
  async listen({ host, port }: SlotPreparation['bind']): Promise<number> {
    const { env, joined } = this.#options;
    const reception = new Reception({
      ...{ ...this.#introduced(), env },
      // There are as many as slots that this one exchanges records with (K2).
      connectionsMax: Infinity,
      admit: (context) => this.#objection(context),
      accept: (connection, peer) => joined(joiningOf(peer.context).from, connection),
    });
    const listener = await env.network.listen(host, port, (connection) =>
      reception.receive(connection),
    );
    return listener.port;
  }

  /**
   * The connection must be started in the turn in which it is handed over.
   * @throws EngineError NETWORK_FAILED, RPC_*
   */
  async connect(to: SlotLocation): Promise<Connection> {
    const { env, jobId, place } = this.#options;
    const context = new ByteWriter();
    const from = placeOf(place);
    Joining.codec.encode({ jobId, from, to: placeOf(to) }, context);
    const { connection } = await dial({
      ...{ ...this.#introduced(), env, host: to.host, port: to.dataPort },
      context: context.copy(),
      meetings: new Set(),
      isClosed: () => false,
    });
    return connection;
  }

  #introduced(): Introduced {
    const { key, place } = this.#options;
    return { purpose: 'data', versions: DATA_VERSIONS, key, name: nameOf(place) };
  }

  /** K1, K2: why somebody who knows the key is refused all the same. */
  #objection(context: Uint8Array): string | undefined {
    const { jobId, place, isJoined } = this.#options;
    let joining: Infer<typeof Joining>;
    try {
      joining = joiningOf(context);
    } catch (thrown) {
      if (!isEngineError(thrown, 'DATA_CORRUPT')) throw thrown;
      return 'it does not say which slots it is to join';
    }
    const { from, to } = joining;
    if (joining.jobId !== jobId) return `it is for job ${joining.jobId}, this slot for ${jobId}`;
    if (nameOf(to) !== nameOf(place)) return `it is for ${nameOf(to)}, this is ${nameOf(place)}`;
    if (from.generation !== place.generation) {
      return `it is of generation ${from.generation}, this slot of ${place.generation}`;
    }
    if (isJoined(from)) return `${nameOf(from)} is joined already`;
    return undefined;
  }
}

export function nameOf({ taskExecutorId, slot, generation }: Place): string {
  return `${taskExecutorId}/${slot}#${generation}`;
}

/** Without what else is known of it. */
function placeOf({ taskExecutorId, slot, generation }: Place): Place {
  return { taskExecutorId, slot, generation };
}

function joiningOf(context: Uint8Array): Infer<typeof Joining> {
  const input = new ByteReader(context);
  const joining = Joining.codec.decode(input);
  input.expectEnd();
  return joining;
}
