/**
 * The links of a slot to all other slots that its tasks exchange records with: rings within the
 * process, attached by the TaskExecutor, and one connection per slot of another process.
 *
 * Of two slots in different processes the consumer dials the producer; where both consume from each
 * other, the one whose name comes first. So there is exactly one connection for each pair.
 *
 * Invariants
 * Z1. One PeerLink per peer; tasks may send before it is attached.
 * Z2. A greeting that names another job or generation than ours is refused: it is a zombie or a
 * stranger.
 */
import { assert } from '../../base/assert.ts';
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { EngineError, messageOf } from '../../base/errors.ts';
import type { Connection, Env, SharedRegion } from '../../env/env.ts';
import { ConnectionLink } from '../../network/connection-link.ts';
import { doorbellWord } from '../../network/doorbell.ts';
import { RingLink } from '../../network/ring-link.ts';
import type { SlotLocation, SlotPreparation } from '../../protocol/task-deployment.ts';
import { t } from '../../types/index.ts';
import type { Infer } from '../../types/index.ts';
import { PeerLink } from './peer-link.ts';
import type { SlotLoop } from './slot-loop.ts';

/** The first frame of a connection, by who has dialled. */
const Greeting = t.struct({
  protocol: t.int32,
  jobId: t.string,
  taskExecutorId: t.string,
  slot: t.int32,
  generation: t.int32,
});
type Greeting = Infer<typeof Greeting>;

const GREETING_KIND = 0;
const PROTOCOL = 1;

type Place = Pick<SlotLocation, 'taskExecutorId' | 'slot' | 'generation'>;

export interface PeerLinksOptions {
  readonly env: Pick<Env, 'network' | 'log'>;
  readonly jobId: string;
  readonly location: Place & Pick<SlotLocation, 'host'>;
  readonly doorbells: SharedRegion;
  readonly loop: SlotLoop;
  /** A peer with which channels are open is gone. */
  readonly lost: (error: EngineError) => void;
}

interface Peer {
  readonly location: SlotLocation;
  readonly link: PeerLink;
  /** Whether this slot reads from it, or it reads from this slot. */
  reads: boolean;
  isRead: boolean;
}

export class PeerLinks {
  readonly #options: PeerLinksOptions;
  readonly #peers = new Map<string, Peer>();
  /** Rings and connections that came before a task asked for their peer. */
  readonly #early = new Map<string, RingLink | ConnectionLink>();

  constructor(options: PeerLinksOptions) {
    this.#options = options;
  }

  isHere(location: Place): boolean {
    return nameOf(location) === nameOf(this.#options.location);
  }

  /** The link to another slot; `reads` says whether this slot consumes from it. */
  linkTo(location: SlotLocation, reads: boolean): PeerLink {
    const name = nameOf(location);
    let peer = this.#peers.get(name);
    if (peer === undefined) {
      const link = new PeerLink(name, (reason) => this.#lost(name, reason));
      peer = { location, link, reads: false, isRead: false };
      this.#peers.set(name, peer);
      const early = this.#early.get(name);
      this.#early.delete(name);
      if (early !== undefined) link.attach(early);
      this.#options.loop.setLinks([...this.#peers.values()].map((each) => each.link));
    }
    if (reads) peer.reads = true;
    else peer.isRead = true;
    return peer.link;
  }

  // ----------------------------------------------------------------------------- within a process

  attach(slot: number, generation: number, toPeer: SharedRegion, fromPeer: SharedRegion): void {
    const { location, doorbells } = this.#options;
    const ring = RingLink.open({
      toPeer,
      fromPeer,
      generation,
      owner: location.slot,
      doorbells,
      peerDoorbell: doorbellWord(slot),
    });
    const name = nameOf({ taskExecutorId: location.taskExecutorId, slot, generation });
    if (ring === undefined) this.#peers.get(name)?.link.lose('its worker has ended');
    else this.#join(name, ring);
  }

  detach(slot: number, generation: number, reason: string): void {
    const { taskExecutorId } = this.#options.location;
    // Frames that were committed before are still read; then the ring itself says that it is over.
    const peer = this.#peers.get(nameOf({ taskExecutorId, slot, generation }));
    if (peer !== undefined && !peer.link.isAttached) peer.link.lose(reason);
    this.#options.loop.wake();
  }

  // ---------------------------------------------------------------------------- between processes

  /** Opens the data port for peers in other processes; it goes with the worker. */
  async listen({ host, port }: SlotPreparation['bind']): Promise<number> {
    const { network } = this.#options.env;
    const listener = await network.listen(host, port, (connection) => this.#accept(connection));
    return listener.port;
  }

  /** Dials the peers that it is this slot's turn to dial. Call when all channels are wired. */
  connect(): void {
    const here = nameOf(this.#options.location);
    for (const [name, peer] of this.#peers) {
      const sameProcess = peer.location.taskExecutorId === this.#options.location.taskExecutorId;
      if (sameProcess || peer.link.isAttached || !peer.reads) continue;
      if (peer.isRead && here > name) continue;
      this.#dial(name, peer).catch((thrown: unknown) => peer.link.lose(messageOf(thrown)));
    }
  }

  async #dial(name: string, peer: Peer): Promise<void> {
    const { env, jobId, location, loop } = this.#options;
    const connection = await env.network.connect(peer.location.host, peer.location.dataPort);
    const link = new ConnectionLink(connection, () => loop.wake());
    const out = new ByteWriter();
    const { taskExecutorId, slot, generation } = location;
    Greeting.codec.encode({ protocol: PROTOCOL, jobId, taskExecutorId, slot, generation }, out);
    link.send(GREETING_KIND, 0, out.copy(), 'control');
    link.flush();
    this.#join(name, link);
  }

  #accept(connection: Connection): void {
    const { env, loop } = this.#options;
    let greeted = false;
    const link: ConnectionLink = new ConnectionLink(connection, () => {
      if (greeted) {
        loop.wake();
        return;
      }
      const handler = {
        frame: (
          kind: number,
          _channel: number,
          bytes: Uint8Array,
          start: number,
          end: number,
        ): void => {
          greeted = true;
          const reader = new ByteReader(bytes, start, end);
          const refusal =
            kind === GREETING_KIND
              ? this.#greet(Greeting.codec.decode(reader), link)
              : 'no greeting';
          if (refusal === undefined) return;
          env.log.write('warn', 'refused a data connection', {
            from: connection.remote,
            reason: refusal,
          });
          connection.destroy();
        },
      };
      link.poll(handler, 1);
    });
  }

  /** Z2. @returns why the connection is refused, if it is. */
  #greet(greeting: Greeting, link: ConnectionLink): string | undefined {
    const { jobId, location } = this.#options;
    if (greeting.protocol !== PROTOCOL)
      return `it speaks version ${greeting.protocol} of the protocol`;
    if (greeting.jobId !== jobId) return `it is for job ${greeting.jobId}`;
    if (greeting.generation !== location.generation) {
      return `it is of generation ${greeting.generation}, this slot of ${location.generation}`;
    }
    this.#join(nameOf(greeting), link);
    return undefined;
  }

  // ----------------------------------------------------------------------------------------- both

  #join(name: string, link: RingLink | ConnectionLink): void {
    const peer = this.#peers.get(name);
    if (peer === undefined) {
      assert(!this.#early.has(name), 'Z1: one link per peer');
      this.#early.set(name, link);
    } else {
      peer.link.attach(link);
    }
    this.#options.loop.wake();
  }

  #lost(name: string, reason: string): void {
    this.#options.lost(new EngineError('PARTITION_PEER_LOST', { peer: name, reason }));
  }
}

function nameOf({ taskExecutorId, slot, generation }: Place): string {
  return `${taskExecutorId}/${slot}#${generation}`;
}
