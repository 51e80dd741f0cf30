/**
 * The configuration of a command or process, from all the places that can set an option. Later
 * ones win: the file, the environment, `-D`. What a job sets in its own program wins over all.
 *
 * The file is the first of these that there is:
 * 1. what `--config FILE` names
 * 2. `config.yaml` in the folder that MILLRACE_CONF_DIR names, or FLINK_CONF_DIR
 * 3. `millrace.yaml` in the working directory; not `config.yaml`, which many programs have
 * 4. `conf/config.yaml` in MILLRACE_HOME, which is `~/.millrace` unless it is set
 */
import { EngineError } from '../base/errors.ts';
import type { Disk } from '../env/env.ts';
import { parseConfigText, readConfigFile } from './config-file.ts';
import { Configuration } from './configuration.ts';

export interface ConfigurationSources {
  readonly disk: Pick<Disk, 'open' | 'stat' | 'list' | 'resolve'>;
  /** Of the environment. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Of `--config`. */
  readonly file?: string | undefined;
  /** Of `-D`, as typed. */
  readonly assignments?: readonly string[] | undefined;
}

const FOLDER_VARIABLES = ['MILLRACE_CONF_DIR', 'FLINK_CONF_DIR'] as const;

/** Options as lines of YAML, as Flink's images for containers take them. */
const TEXT_VARIABLES = ['FLINK_PROPERTIES', 'MILLRACE_PROPERTIES'] as const;

const NAME_IN_FOLDER = 'config.yaml';
const NAME_IN_WORKING_DIRECTORY = 'millrace.yaml';

/** @throws EngineError CONFIG_*, IO_* */
export async function loadConfiguration(sources: ConfigurationSources): Promise<Configuration> {
  const { variables, assignments = [] } = sources;
  let configuration = await fromFile(sources);
  for (const variable of TEXT_VARIABLES) {
    const text = variables[variable];
    if (text === undefined || text.trim() === '') continue;
    const origin = { kind: 'environment', variable } as const;
    configuration = configuration.overriddenBy(await parseConfigText(text, variable, () => origin));
  }
  return withAssignments(configuration, assignments);
}

/** With the values of `-D`. @throws EngineError CONFIG_* */
export function withAssignments(
  configuration: Configuration,
  assignments: readonly string[],
): Configuration {
  const values = Object.fromEntries(assignments.map(parseAssignment));
  return configuration.with(values, { kind: 'command-line', option: '-D' });
}

/** `-D key=value` as typed. @throws EngineError CONFIG_INVALID_ASSIGNMENT */
export function parseAssignment(assignment: string): readonly [key: string, value: string] {
  const equals = assignment.indexOf('=');
  if (equals <= 0) throw new EngineError('CONFIG_INVALID_ASSIGNMENT', { text: assignment });
  return [assignment.slice(0, equals).trim(), assignment.slice(equals + 1).trim()];
}

/** The folder of what is kept between commands. Undefined where the user has no home. */
function millraceHome(variables: ConfigurationSources['variables']): string | undefined {
  const { MILLRACE_HOME: own, HOME: home } = variables;
  if (own !== undefined && own !== '') return own;
  return home === undefined || home === '' ? undefined : `${home}/.millrace`;
}

async function fromFile({ disk, variables, file }: ConfigurationSources): Promise<Configuration> {
  if (file !== undefined) return readConfigFile(disk, disk.resolve(file), file);
  for (const variable of FOLDER_VARIABLES) {
    const folder = variables[variable];
    if (folder !== undefined && folder !== '') return fromFolder(disk, folder, variable);
  }
  const home = millraceHome(variables);
  const candidates = [
    NAME_IN_WORKING_DIRECTORY,
    ...(home === undefined ? [] : [`${home}/conf/${NAME_IN_FOLDER}`]),
  ];
  for (const name of candidates) {
    const path = disk.resolve(name);
    if ((await disk.stat(path)) !== undefined) return readConfigFile(disk, path, name);
  }
  return Configuration.empty;
}

async function fromFolder(
  disk: ConfigurationSources['disk'],
  folder: string,
  variable: string,
): Promise<Configuration> {
  const shown = `${folder.replace(/\/+$/, '')}/${NAME_IN_FOLDER}`;
  const path = disk.resolve(shown);
  if ((await disk.stat(path)) === undefined) {
    const old = disk.resolve(`${folder}/flink-conf.yaml`);
    const isOld = (await disk.stat(old)) !== undefined;
    throw new EngineError(isOld ? 'CONFIG_FILE_OLD' : 'CONFIG_FOLDER_EMPTY', { variable, folder });
  }
  return readConfigFile(disk, path, shown);
}
