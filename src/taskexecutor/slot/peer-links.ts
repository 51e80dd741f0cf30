/**
 * The links of a slot to all other slots that its tasks exchange records with: rings within the
 * process, attached by the TaskExecutor, and one connection per slot of another process.
 *
 * Of two slots in different processes the consumer dials the producer; where both consume from each
 * other, the one whose name comes first. So there is exactly one connection for each pair.
 *
 * Invariants
 * Z1. One PeerLink per peer; tasks may send before it is attached.
 * Z2. Connections come from the DataPort, which knows the other side.
 */
import { assert } from '../../base/assert.ts';
import { EngineError, messageOf } from '../../base/errors.ts';
import type { SharedRegion } from '../../env/env.ts';
import { ConnectionLink } from '../../network/connection-link.ts';
import { doorbellWord } from '../../network/doorbell.ts';
import { RingLink } from '../../network/ring-link.ts';
import type { SlotLocation, SlotPreparation } from '../../protocol/task-deployment.ts';
import { DataPort, nameOf } from './data-port.ts';
import type { DataPortOptions, Place } from './data-port.ts';
import { PeerLink } from './peer-link.ts';
import type { SlotLoop } from './slot-loop.ts';

export interface PeerLinksOptions {
  readonly env: DataPortOptions['env'];
  readonly jobId: string;
  /** Of the job, for connections. */
  readonly dataKey: Uint8Array;
  readonly location: Place;
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
  readonly #port: DataPort;

  constructor(options: PeerLinksOptions) {
    this.#options = options;
    const { env, jobId, dataKey, location, loop } = options;
    this.#port = new DataPort({
      ...{ env, jobId, key: dataKey, place: location },
      isJoined: (place) => this.#isJoined(nameOf(place)),
      joined: (place, connection) =>
        this.#join(nameOf(place), new ConnectionLink(connection, () => loop.wake())),
    });
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
  listen(bind: SlotPreparation['bind']): Promise<number> {
    return this.#port.listen(bind);
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
    const connection = await this.#port.connect(peer.location);
    this.#join(name, new ConnectionLink(connection, () => this.#options.loop.wake()));
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

  #isJoined(name: string): boolean {
    return this.#early.has(name) || this.#peers.get(name)?.link.isAttached === true;
  }

  #lost(name: string, reason: string): void {
    this.#options.lost(new EngineError('PARTITION_PEER_LOST', { peer: name, reason }));
  }
}
