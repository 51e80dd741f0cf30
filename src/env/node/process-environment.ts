/** How this process was started, for those who look after it. */

export interface NodeProcessEnvironment {
  readonly version: string;
  readonly architecture: string;
  /** Options of Node itself. */
  readonly options: readonly string[];
}

export function nodeProcessEnvironment(): NodeProcessEnvironment {
  return {
    version: process.version.slice(1),
    architecture: process.arch,
    options: process.execArgv,
  };
}
