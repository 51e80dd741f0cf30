/** Connections that this process makes: with a time-out, and with a handshake. */
import { EngineError, toEngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { Connection, Env } from '../env/env.ts';
import { DiallerHandshake } from './handshake.ts';
import type { HandshakeOptions, Peer } from './handshake.ts';
import { NONCE_BYTES } from './handshake-frames.ts';
import { Meeting } from './meeting.ts';

/** Systems wait for minutes where nobody answers. */
const CONNECT_TIMEOUT = seconds(10);

export type HandshakeEnv = Pick<Env, 'clock' | 'network' | 'random' | 'cryptography'>;

/** What a side says of itself on all its connections. */
export type Introduced = Pick<HandshakeOptions, 'key' | 'purpose' | 'versions' | 'name'>;

export interface DialOptions extends Introduced {
  readonly env: HandshakeEnv;
  readonly host: string;
  readonly port: number;
  readonly context?: Uint8Array | undefined;
  /** Meetings that are not over, for whoever must end them. */
  readonly meetings: Set<Meeting>;
  /** True when nobody wants the connection any more. */
  readonly isClosed: () => boolean;
}

/**
 * The connection must be started in the turn in which it is handed over.
 * @throws EngineError NETWORK_FAILED, RPC_UNREACHABLE, RPC_REFUSED, RPC_SECRET_MISMATCH,
 * RPC_VERSION_MISMATCH, RPC_PROTOCOL
 */
export async function dial(
  options: DialOptions,
): Promise<{ readonly connection: Connection; readonly peer: Peer }> {
  const { env, host, port, meetings, isClosed } = options;
  const connection = await connectWithin(env, host, port);
  if (isClosed()) {
    connection.destroy();
    throw new EngineError('RPC_UNREACHABLE', {
      peer: connection.remote,
      reason: 'closed by this side',
    });
  }
  const handshake = new DiallerHandshake({
    ...{ ...options, cryptography: env.cryptography },
    nonce: env.random.bytes(NONCE_BYTES),
    remote: connection.remote,
  });
  return new Promise((resolve, reject) => {
    const meeting = new Meeting(connection, handshake, env.clock, {
      met: (met, peer) => resolve({ connection: met, peer }),
      refused: reject,
      over: () => void meetings.delete(meeting),
    });
    meetings.add(meeting);
  });
}

function connectWithin(
  { clock, network }: HandshakeEnv,
  host: string,
  port: number,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = clock.after(CONNECT_TIMEOUT, () => {
      isLate = true;
      const [address, reason] = [`${host}:${port}`, `no answer in ${CONNECT_TIMEOUT / 1000} s`];
      reject(new EngineError('NETWORK_FAILED', { operation: 'connect to', address, reason }));
    });
    network.connect(host, port).then(
      (connection) => {
        timer[Symbol.dispose]();
        if (isLate) connection.destroy();
        else resolve(connection);
      },
      (error: unknown) => {
        timer[Symbol.dispose]();
        reject(toEngineError(error));
      },
    );
  });
}
