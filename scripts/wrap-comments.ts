// Wraps comments at the column limit, which oxfmt leaves to people: the first half of `npm run
// format`, for all sources or for the files named. Lists, tags and numbered invariants keep their
// lines; code in examples and tables are left for a person.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { readProject } from '../test/tidy/project.ts';
import { sourceText } from '../test/tidy/source-text.ts';

const COLUMNS_MAX = 100;

interface Line {
  readonly line: string;
  /** False where code or the inside of a string stands on the line. */
  readonly isComment: boolean;
}

interface CommentLine {
  /** Everything up to the text: indentation and `// ` or ` * `. */
  readonly lead: string;
  readonly text: string;
}

export function wrapComments(path: string, text: string): string {
  const lines = linesOf(path, text);
  const out: string[] = [];
  let inExample = false;
  for (let at = 0; at < lines.length; at++) {
    const comment = commentLine(lines[at]!);
    if (comment === undefined || comment.text.startsWith('@')) inExample = false;
    if (comment?.text.startsWith('@example') === true) inExample = true;
    if (comment === undefined || inExample || !wrappable(comment)) {
      out.push(lines[at]!.line);
      continue;
    }
    const [kept, rest] = split(comment);
    out.push(comment.lead + kept);
    if (rest === '') continue;
    const next = at + 1 < lines.length ? commentLine(lines[at + 1]!) : undefined;
    if (next !== undefined && continues(comment, next)) {
      lines[at + 1] = { line: `${next.lead}${rest} ${next.text}`, isComment: true };
    } else {
      lines.splice(at + 1, 0, { line: continuationLead(comment) + rest, isComment: true });
    }
  }
  return out.join('\n');
}

/** The lines; comments that are too long for their place are given lines of their own. */
function linesOf(path: string, text: string): Line[] {
  const source = sourceText(path, text);
  const code = source.code.split('\n');
  const uncommented = source.uncommented.split('\n');
  return text.split('\n').flatMap((line, at) => {
    const isComment = uncommented[at]!.trim() === '' && line.trim() !== '';
    if (line.length <= COLUMNS_MAX) return [{ line, isComment }];
    return isComment ? opened(line) : lifted(line, code[at]!.trimEnd());
  });
}

function opened(line: string): Line[] {
  const [, indent, text] = /^(\s*)\/\*\*\s+(.*?)\s*\*\/$/.exec(line) ?? [];
  if (indent === undefined || text === undefined) return [{ line, isComment: true }];
  const inner = text.split(/ (?=@)/).map((part) => `${indent} * ${part}`);
  const all = [`${indent}/**`, ...inner, `${indent} */`];
  return all.map((each) => ({ line: each, isComment: true }));
}

function lifted(line: string, code: string): Line[] {
  const comment = /^\s*(\/\/.*)$/.exec(line.slice(code.length))?.[1];
  if (comment === undefined || code === '') return [{ line, isComment: false }];
  const indent = /^\s*/.exec(line)![0];
  return [
    { line: indent + comment, isComment: true },
    { line: line.slice(0, code.length), isComment: false },
  ];
}

function commentLine({ line, isComment }: Line): CommentLine | undefined {
  const match = isComment ? /^(\s*(?:\/\/|\*(?!\/))\s+)(.*)$/.exec(line) : null;
  return match === null ? undefined : { lead: match[1]!, text: match[2]! };
}

function wrappable({ lead, text }: CommentLine): boolean {
  return lead.length + text.length > COLUMNS_MAX && !/^\||^```|https?:\/\/|^-{3}/.test(text);
}

function split({ lead, text }: CommentLine): [string, string] {
  const end = text.lastIndexOf(' ', COLUMNS_MAX - lead.length);
  return end <= 0 ? [text, ''] : [text.slice(0, end), text.slice(end + 1)];
}

/** True where the next line belongs to the same paragraph. */
function continues(comment: CommentLine, next: CommentLine): boolean {
  if (next.text === '' || /^(?:[-*|@#`]|\d+\.|[A-Z]+\d+\.)/.test(next.text)) return false;
  return next.lead === comment.lead || next.lead === continuationLead(comment);
}

function continuationLead({ lead, text }: CommentLine): string {
  return /^[-*] /.test(text) ? `${lead}  ` : lead;
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..');
  const named = process.argv.slice(2).map((path) => relative(root, resolve(path)));
  for (const { path, text } of readProject(root).sources) {
    if (named.length > 0 && !named.includes(path)) continue;
    const wrapped = wrapComments(path, text);
    // Somebody may be writing at this moment.
    if (wrapped === text || readFileSync(join(root, path), 'utf8') !== text) continue;
    writeFileSync(join(root, path), wrapped);
    console.log(path);
  }
}
