/**
 * The one link between two slot workers, over which all channels between them are multiplexed: two
 * rings within a process, one connection between processes. The layer above cannot tell them apart:
 * `link-contract.test-kit.ts` holds both to this contract.
 *
 * Contract
 * F1. Frames arrive whole, once, in the order in which they were sent.
 * F2. A control frame is never refused: what finds no room waits in the link, within an asserted
 *     bound. A data frame is refused when there is no room, while control waits, and when the link
 *     is over.
 * F3. When `hasInput` becomes true this side is woken: its doorbell is rung, or `wake` is called.
 *     For a frame that is at the latest when the peer flushes, for room when the peer has polled.
 *     It becomes true when a frame has come, when there is room after a refusal, and when the
 *     peer's side is over; polling is what makes it false again.
 * F4. `closed` is set when everything that will ever come has been given out.
 * F5. What was sent before `close` still arrives. From then on nothing is given out, and `closed`
 *     is set when the peer can get everything without this side; until then `poll` when there is
 *     input.
 */

export interface FrameHandler {
  /**
   * `bytes[start, end)` is valid during the call only. A frame counts as given out even if this
   * throws.
   */
  frame(kind: number, channel: number, bytes: Uint8Array, start: number, end: number): void;
}

export interface FrameLink {
  /** Copies a frame into the link; kind in [0, 255). @returns false if it was refused (F2). */
  send(kind: number, channel: number, bytes: Uint8Array, room: 'data' | 'control'): boolean;
  /** Makes what was sent visible to a peer that sleeps. */
  flush(): void;
  /**
   * Whether `poll` would do something: frames have come, refused room is there again, or the link
   * is over.
   */
  readonly hasInput: boolean;
  /** Gives out up to `limit` frames. @returns how many. */
  poll(handler: FrameHandler, limit: number): number;
  /** Why nothing will come any more. */
  readonly closed: string | undefined;
  /** Ends this side in order (F5). */
  close(): void;
}

/**
 * Bytes of control frames that may wait for a peer that takes nothing: more is a mistake of the
 * layer above.
 */
export const CONTROL_WAITING_BYTES_MAX: number = 16 * 1024 * 1024;
