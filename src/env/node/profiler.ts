/** Samples of the stack of this thread, by V8's own profiler. */
import type { Session } from 'node:inspector';
import type { SourceMapPayload } from 'node:module';
import { EngineError, messageOf } from '../../base/errors.ts';
import type { Duration } from '../../base/units.ts';
import type { ProfileRecording, Profiler } from '../env.ts';
import { atSources } from './profile-sources.ts';
import type { CpuProfile, FindSourceMap } from './profile-sources.ts';

/** The engine's own files lie below it, packed, compiled, or as they were written. */
const ENGINE = new URL('../../', import.meta.url).href;

export function nodeProfiler(): Profiler {
  return { start };
}

async function start(interval: Duration): Promise<ProfileRecording> {
  const session = connect();
  await call(session, 'Profiler.enable');
  await call(session, 'Profiler.setSamplingInterval', { interval: Math.round(interval * 1000) });
  await call(session, 'Profiler.start');
  return {
    async stop() {
      const { profile } = (await call(session, 'Profiler.stop')) as { profile: CpuProfile };
      session.disconnect();
      const { findSourceMap } = process.getBuiltinModule('node:module');
      const find: FindSourceMap = (url) => findSourceMap(url) ?? mapOfEngine(url);
      return JSON.stringify(atSources(profile, find));
    },
  };
}

/** @throws EngineError PROFILER_UNAVAILABLE */
function connect(): Session {
  try {
    const { Session } = process.getBuiltinModule('node:inspector');
    const session = new Session();
    session.connect();
    return session;
  } catch (thrown) {
    throw new EngineError('PROFILER_UNAVAILABLE', {
      place: `Node ${process.versions.node}`,
      reason: messageOf(thrown),
    });
  }
}

function call(session: Session, method: string, parameters: object = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    session.post(method, parameters, (error, answer) => {
      if (error === null) resolve(answer);
      else reject(error);
    });
  });
}

/** Node leaves out the maps of what lies below node_modules. */
function mapOfEngine(url: string): ReturnType<FindSourceMap> {
  if (!url.startsWith(ENGINE)) return undefined;
  const { existsSync, readFileSync } = process.getBuiltinModule('node:fs');
  const file = process.getBuiltinModule('node:url').fileURLToPath(`${url}.map`);
  if (!existsSync(file)) return undefined;
  const payload = JSON.parse(readFileSync(file, 'utf8')) as SourceMapPayload;
  const sources = payload.sources.map((source) => new URL(source, url).href);
  const { SourceMap } = process.getBuiltinModule('node:module');
  return new SourceMap({ ...payload, sources });
}
