/**
 * Stacks of errors as every folder shows them. They travel in the messages of the engine, where
 * their length takes time and their text is part of the trace: with paths of the machine a seed
 * would run otherwise wherever else the repository lies.
 *
 * Invariants
 * P1. Nothing of where the repository or the bundles of jobs lie is in a stack while a simulation
 *     runs, nor which instance of a bundle it was.
 * P2. What was there before is put back.
 */

/** Where the bundles of jobs are written: `<temporary folder>/<this><random>/<name>.mjs`. */
export const BUNDLE_FOLDER = 'millrace-sim-';

const ROOT = new URL('../', import.meta.url).href;
const BUNDLE = new RegExp(
  `file:[^ ()]*/${BUNDLE_FOLDER}[^/]+/([^/?:]+)\\.mjs(?:\\?instance=\\d+)?`,
);
/** The API looks for its caller by leaving out its own frames, which it knows by their path. */
const API = 'millrace:src/api/';

/** As Node shows a frame. */
interface Shown {
  toString(): string;
}

/** Has stacks made in that way until the function that is given back is called. */
export function portableStacks(): () => void {
  const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  Error.prepareStackTrace = (error, frames) => {
    const lines = frames.map((frame) => portableFrame((frame as Shown).toString()));
    const shown = lines.filter((line) => !isOfApi(line));
    return [String(error), ...shown.map((line) => `    at ${line}`)].join('\n');
  };
  return () => {
    if (before === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
    else Object.defineProperty(Error, 'prepareStackTrace', before);
  };
}

export function portableFrame(frame: string, root: string = ROOT): string {
  return frame.replaceAll(root, 'millrace:').replace(BUNDLE, 'job:///$1');
}

function isOfApi(line: string): boolean {
  return line.includes(API) && !/\.test\.ts:\d+:\d+\)?$/.test(line);
}
