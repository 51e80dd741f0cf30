/** The public subpath `millrace/connectors/socket`: reads lines from a server. */
import { socketText } from './socket-source.ts';

/** @example env.from(socket.text({ host: 'localhost', port: 9999 })).print() */
export const socket: SocketConnector = Object.freeze({ text: socketText });

export interface SocketConnector {
  readonly text: typeof socketText;
}

export type { SocketSource, SocketTextOptions } from './socket-source.ts';
