/** V8's inspector, asked from within the process. */
import type { Session } from 'node:inspector';
import { EngineError, messageOf } from '../../base/errors.ts';

/** @throws EngineError PROFILER_UNAVAILABLE */
export function connect(): Session {
  try {
    const { Session } = process.getBuiltinModule('node:inspector');
    const session = new Session();
    session.connect();
    return session;
  } catch (thrown) {
    throw unavailable(messageOf(thrown));
  }
}

export function call(session: Session, method: string, parameters: object = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    session.post(method, parameters, (error, answer) => {
      if (error === null) resolve(answer);
      else reject(error);
    });
  });
}

export function unavailable(reason: string): EngineError {
  const place = `Node ${process.versions.node}`;
  return new EngineError('PROFILER_UNAVAILABLE', { place, reason });
}
