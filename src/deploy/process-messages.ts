/** What a process of a cluster tells the supervisor that started it, as JSON. */
import type { ErrorData } from '../base/errors.ts';

export type ProcessMessage =
  /** It does what it is for: a JobManager listens, a TaskManager is registered. */
  | { readonly kind: 'ready'; readonly facts: ProcessFacts }
  /** It ends because it cannot start. */
  | { readonly kind: 'failed'; readonly error: ErrorData }
  /** A client has asked for the end of the cluster. */
  | { readonly kind: 'shut-down' };

export interface ProcessFacts {
  /** `host:port` of a JobManager. */
  readonly address?: string | undefined;
  readonly restUrl?: string | undefined;
  /** Of a TaskManager. */
  readonly id?: string | undefined;
  readonly slots?: number | undefined;
}

export function encodeProcessMessage(message: ProcessMessage): string {
  return JSON.stringify(message);
}

export function decodeProcessMessage(text: string): ProcessMessage {
  return JSON.parse(text) as ProcessMessage;
}
