/**
 * Patterns for paths: `*` and `?` within a name, `**` for any number of folders, `[a-z]` and
 * `[!a-z]` for one character, `{a,b}` for alternatives, which may contain `/`. A name that begins
 * with `.` or `_` is matched only by a pattern that begins with the same character.
 */

/** What one name of a path must look like; `folders` is `**`. */
export type GlobPart =
  | { readonly kind: 'literal'; readonly name: string }
  | { readonly kind: 'names'; matches(name: string): boolean }
  | { readonly kind: 'folders' };

/** True if the path is a pattern. A bracket that nothing closes is a bracket. */
export function isGlob(path: string): boolean {
  return /[*?]|\[[^\]/]+\]|\{[^{}]*,[^{}]*\}/.test(path);
}

/**
 * Files and folders that readers pass over unless they are named: hidden ones and unfinished ones.
 */
export function isHidden(name: string): boolean {
  return name.startsWith('.') || name.startsWith('_');
}

/**
 * The alternatives of a pattern, each as the folder where a search begins (everything before the
 * first name with a special character) and the parts below it.
 * @example parseGlob('data/2001-*.csv')
 * // [{ folder: 'data', parts: [{ kind: 'names', matches }] }]
 */
export function parseGlob(pattern: string): readonly GlobSearch[] {
  return expandBraces(pattern).map((alternative) => {
    const names = alternative.split('/');
    // The last name is looked for in its folder also if it has no special character.
    const special = names.findIndex((name) => isGlob(name));
    const first = special === -1 ? names.length - 1 : special;
    const folder = names.slice(0, first).join('/');
    const parts = names
      .slice(first)
      .filter((name) => name !== '' && name !== '.')
      .map((name) => parsePart(name));
    return { folder: folder === '' ? (alternative.startsWith('/') ? '/' : '.') : folder, parts };
  });
}

export interface GlobSearch {
  readonly folder: string;
  readonly parts: readonly GlobPart[];
}

function parsePart(name: string): GlobPart {
  if (name === '**') return { kind: 'folders' };
  if (!isGlob(name)) return { kind: 'literal', name };
  const expression = new RegExp(`^${expressionOf(name)}$`, 'su');
  const hidden = isHidden(name);
  return {
    kind: 'names',
    matches: (candidate) => (hidden || !isHidden(candidate)) && expression.test(candidate),
  };
}

function expressionOf(name: string): string {
  let expression = '';
  const special = /\*+|\?|\[(!|\^)?(\]?[^\]]*)\]/gu;
  let end = 0;
  for (const match of name.matchAll(special)) {
    expression += quoted(name.slice(end, match.index));
    end = match.index + match[0].length;
    if (match[0] === '?') expression += '.';
    else if (match[0].startsWith('*')) expression += '.*';
    else expression += characterClass(match[1] !== undefined, match[2]!);
  }
  return expression + quoted(name.slice(end));
}

/** A class of single characters and ranges; a range that runs backwards has nothing in it. */
function characterClass(negated: boolean, body: string): string {
  const characters = Array.from(body);
  let inside = '';
  for (let i = 0; i < characters.length; i++) {
    const low = characters[i]!;
    if (characters[i + 1] === '-' && i + 2 < characters.length) {
      const high = characters[i + 2]!;
      if (low.codePointAt(0)! <= high.codePointAt(0)!) inside += `${hex(low)}-${hex(high)}`;
      i += 2;
    } else {
      inside += hex(low);
    }
  }
  if (inside === '') return negated ? '.' : '(?!)';
  return `[${negated ? '^' : ''}${inside}]`;
}

function hex(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

function quoted(text: string): string {
  return text.replaceAll(/[$()*+./?[\\\]^{|}]/gu, '\\$&');
}

/** Innermost braces first, so that braces may be nested. */
function expandBraces(pattern: string): readonly string[] {
  const braces = /\{([^{}]*,[^{}]*)\}/u.exec(pattern);
  if (braces === null) return [pattern];
  const before = pattern.slice(0, braces.index);
  const after = pattern.slice(braces.index + braces[0].length);
  const alternatives = braces[1]!.split(',').flatMap((text) => expandBraces(before + text + after));
  return [...new Set(alternatives)];
}
