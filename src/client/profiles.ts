/** What the command that runs a job says of the CPU profiles of its slots, and brings here. */
import { toEngineError } from '../base/errors.ts';
import { fileUrl } from '../base/file-url.ts';
import { minutes } from '../base/units.ts';
import { ProfileOptions } from '../config/options/profile-options.ts';
import { TaskManagerOptions } from '../config/options/task-manager-options.ts';
import type { Env } from '../env/env.ts';
import type { ProfileNotice } from '../functions/client-message.ts';
import type { RestClient } from './rest-client.ts';
import { writeFile } from './write-file.ts';

/** Files of a cluster as big as that are left where they are. */
const COPY_BYTES_MAX = 256 * 2 ** 20;

/** Where a profile is for whoever reads this. */
export interface ToldProfile extends ProfileNotice {
  /** Why it is on the machine of the TaskManager only. */
  readonly notCopied?: string | undefined;
}

/** Configuration that `--profile` stands for. */
export function profileSettings(isLocal: boolean): Readonly<Record<string, string>> {
  return {
    [ProfileOptions.enabled.key]: 'true',
    // Writing a profile of minutes takes longer than a cancelled job may in this process.
    ...(isLocal ? { [TaskManagerOptions.cancellationTimeout.key]: '30 s' } : {}),
  };
}

/** A sentence for people, with its line end. */
export function profileText({ slot, taskManager, path, problem, notCopied }: ToldProfile): string {
  const which = `CPU profile of slot ${slot} of ${taskManager}`;
  if (path === undefined) return `There is no ${which}: ${problem}\n`;
  if (notCopied === undefined) return `${which}: ${path}\n`;
  return `${which}, on its machine: ${path} (it could not be copied here: ${notCopied})\n`;
}

export interface ProfileCopy {
  readonly env: Pick<Env, 'disk'> & {
    readonly terminal: Pick<Env['terminal'], 'workingDirectory'>;
  };
  readonly client: RestClient;
  /** The folder from which places of the job's sources start. */
  readonly root: string;
}

/** Brings the profile of a slot of a cluster to the working folder, before the cluster ends. */
export async function copyProfile(
  { env, client, root }: ProfileCopy,
  notice: ProfileNotice,
): Promise<ToldProfile> {
  if (notice.path === undefined) return notice;
  const { taskManager, name } = notice;
  try {
    const [id, file] = [taskManager, name].map(encodeURIComponent);
    const answer = await client.send({
      ...{ method: 'GET', path: `/taskmanagers/${id}/logs/${file}`, timeout: minutes(1) },
      headers: { accept: 'text/plain' },
    });
    const text = new TextDecoder().decode(await answer.bytes(COPY_BYTES_MAX));
    const path = `${env.terminal.workingDirectory}/${name}`;
    const own = text.replaceAll('job:///', `${fileUrl(root)}/`);
    await writeFile(env.disk, path, new TextEncoder().encode(own));
    return { ...notice, path };
  } catch (thrown) {
    return { ...notice, notCopied: toEngineError(thrown).message };
  }
}
