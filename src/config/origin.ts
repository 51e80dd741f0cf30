/** Where the value of an option comes from. */

export type OptionOrigin =
  /** Nobody set it. */
  | { readonly kind: 'default' }
  | {
      readonly kind: 'file';
      /** As the user named it. */
      readonly file: string;
      /** From 1. */
      readonly line: number;
      readonly column: number;
    }
  | { readonly kind: 'environment'; readonly variable: string }
  | {
      readonly kind: 'command-line';
      /** As typed, e.g. `-D` or `-p`. */
      readonly option: string;
    }
  /** The job's own program, or what was sent along with it. */
  | { readonly kind: 'job' }
  /** A program that uses the engine, or the engine itself. */
  | { readonly kind: 'program' };

/** For people. @example originText({ kind: 'command-line', option: '-D' }) // '-D' */
export function originText(origin: OptionOrigin): string {
  switch (origin.kind) {
    case 'default':
      return 'default';
    case 'file':
      return `${origin.file}:${origin.line}:${origin.column}`;
    case 'environment':
      return `environment variable ${origin.variable}`;
    case 'command-line':
      return origin.option;
    case 'job':
      return 'the job';
    case 'program':
      return 'the program';
  }
}
