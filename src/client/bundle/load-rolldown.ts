/**
 * The bundler, loaded when a job is submitted to a cluster and not before: most who run jobs never
 * need it, so that it is installed by those who do.
 */
import type * as Rolldown from 'rolldown';
import manifest from '../../../package.json' with { type: 'json' };
import { EngineError, messageOf } from '../../base/errors.ts';

/** @throws EngineError JOB_BUNDLER_MISSING with the command that installs it */
export async function loadRolldown(
  load: () => Promise<typeof Rolldown> = () => import('rolldown'),
): Promise<typeof Rolldown> {
  try {
    return await load();
  } catch (thrown) {
    const { code } = thrown as { readonly code?: unknown };
    const absent = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    const reason = absent ? 'it is not installed' : firstLine(messageOf(thrown));
    const version = manifest.peerDependencies.rolldown;
    throw new EngineError('JOB_BUNDLER_MISSING', { reason, version }, { cause: thrown });
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.replace(/\.$/, '');
}
