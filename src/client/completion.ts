/**
 * Scripts by which shells complete commands, options and what goes with them. They are made from
 * the tables of the commands; ids of jobs are asked of the cluster when they are wanted.
 */
import { JOB_ID, type CommandSpec, type OptionSpec } from './arguments.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

export const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish'];

/** What stands for an argument in the scripts. */
type Kind =
  | { readonly kind: 'files' }
  | { readonly kind: 'jobs' }
  | { readonly kind: 'words'; readonly words: readonly string[]; readonly suffix: string }
  | { readonly kind: 'anything' };

export interface CompletionSource {
  readonly commands: readonly CommandSpec[];
  /** Of the configuration. */
  readonly optionKeys: readonly string[];
}

export function completionScript(shell: Shell, given: CompletionSource): string {
  const commands = given.commands.map((command) => {
    return { ...command, options: command.options.filter(({ hidden }) => hidden !== true) };
  });
  const source = { ...given, commands };
  switch (shell) {
    case 'bash':
      return bashScript(source);
    case 'zsh':
      return zshScript(source);
    case 'fish':
      return fishScript(source);
  }
}

function kindOf(name: string, values: readonly string[], source: CompletionSource): Kind {
  if (values.length > 0) return { kind: 'words', words: values, suffix: '' };
  switch (name.replace(/^\[|\]$/g, '')) {
    case 'FILE':
    case 'JOB_FILE':
    case 'DIRECTORY':
    case 'PATH':
      return { kind: 'files' };
    case JOB_ID:
      return { kind: 'jobs' };
    case 'ACTION':
      return { kind: 'words', words: ['start', 'stop', 'status'], suffix: '' };
    case 'SHELL':
      return { kind: 'words', words: SHELLS, suffix: '' };
    case 'KEY':
      return { kind: 'words', words: source.optionKeys, suffix: '' };
    default:
      return { kind: 'anything' };
  }
}

function optionKind(option: OptionSpec, source: CompletionSource): Kind {
  if (option.name === 'define') {
    return { kind: 'words', words: source.optionKeys, suffix: '=' };
  }
  return kindOf(option.value!, option.values ?? [], source);
}

/** Spellings of an option that are offered: long, and short where there is one. */
function spellings({ name, short, aliases = [] }: OptionSpec): readonly string[] {
  return [`--${name}`, ...(short === undefined ? [] : [`-${short}`]), ...aliases];
}

/** The ids in the lines of `millrace list`. */
const JOB_IDS = String.raw`millrace list -a 2>/dev/null | sed -n 's/^.* : \([0-9a-f]\{32\}\) : .*/\1/p'`;

// ----------------------------------------------------------------------------------------- bash

function bashScript(source: CompletionSource): string {
  const names = source.commands.map(({ name }) => name);
  const cases = source.commands.map((command) => bashCommand(command, source));
  return `# Completion of millrace in bash. Once: eval "$(millrace completion bash)"; for good: into
# ~/.local/share/bash-completion/completions/millrace
_millrace_jobs() { ${JOB_IDS}; }
_millrace_words() { COMPREPLY=($(compgen -W "$1" -- "$2")); }
_millrace() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    _millrace_words ${quoted([...names, 'help', '--help', '--version'].join(' '))} "$current"
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
}
complete -o default -F _millrace millrace
`;
}

function bashCommand(command: CommandSpec, source: CompletionSource): string {
  const withValue = command.options.filter(({ value }) => value !== undefined);
  const values = withValue.map((option) => {
    const action = bashAction(optionKind(option, source), '      ');
    return `        ${spellings(option).join(' | ')})\n    ${action}\n          return ;;`;
  });
  const all = command.options.flatMap(spellings).join(' ');
  const positional = bashAction(kindOf(command.positionals[0] ?? '', [], source), '  ');
  return `    ${command.name})
      case "$previous" in
${values.join('\n')}
      esac
      if [[ "$current" == -* ]]; then
        _millrace_words ${quoted(all)} "$current"
      else
    ${positional}
      fi ;;`;
}

function bashAction(kind: Kind, indent: string): string {
  switch (kind.kind) {
    case 'words': {
      const words = quoted(kind.words.map((word) => `${word}${kind.suffix}`).join(' '));
      const noSpace = kind.suffix === '' ? '' : '; compopt -o nospace 2>/dev/null';
      return `${indent}  _millrace_words ${words} "$current"${noSpace}`;
    }
    case 'jobs':
      return `${indent}  _millrace_words "$(_millrace_jobs)" "$current"`;
    case 'files':
    case 'anything':
      // What is left empty falls back to files, because of -o default.
      return `${indent}  :`;
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

// ------------------------------------------------------------------------------------------ zsh

function zshScript(source: CompletionSource): string {
  const commands = source.commands.map(
    ({ name, summary }) => `    ${quoted(`${name}:${summary.replace(/\.$/, '')}`)}`,
  );
  const cases = source.commands.map((command) => zshCommand(command, source));
  return `#compdef millrace
# Completion of millrace in zsh. Once: eval "$(millrace completion zsh)"; for good: as _millrace into
# a folder of $fpath, before compinit
_millrace_jobs() { local -a jobs; jobs=(\${(f)"$(${JOB_IDS})"}); compadd -a jobs; }
_millrace() {
  local -a commands=(
${commands.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local name="\${words[2]}"
  shift words
  ((CURRENT--))
  case "$name" in
${cases.join('\n')}
  esac
}
if [ "\${funcstack[1]}" = _millrace ]; then _millrace "$@"; else compdef _millrace millrace; fi
`;
}

function zshCommand(command: CommandSpec, source: CompletionSource): string {
  const options = command.options.flatMap((option) =>
    spellings(option).map((spelling) => {
      const repeated = option.multiple === true ? '*' : '';
      const value =
        option.value === undefined
          ? ''
          : `:${zshText(option.value)}:${zshAction(optionKind(option, source))}`;
      return `      ${quoted(`${repeated}${spelling}[${zshText(option.help)}]${value}`)}`;
    }),
  );
  const positionals = command.positionals.map((name, index) => {
    const action = zshAction(kindOf(name, [], source));
    return `      ${quoted(`${index + 1}:${zshText(name.toLowerCase())}:${action}`)}`;
  });
  return `    ${command.name}) _arguments \\\n${[...options, ...positionals].join(' \\\n')} ;;`;
}

function zshText(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, (special) => `\\${special}`);
}

function zshAction(kind: Kind): string {
  switch (kind.kind) {
    case 'words':
      return kind.suffix === ''
        ? `(${kind.words.join(' ')})`
        : `{compadd -S ${kind.suffix} -- ${kind.words.join(' ')}}`;
    case 'jobs':
      return '_millrace_jobs';
    case 'files':
      return '_files';
    case 'anything':
      return '';
  }
}

// ----------------------------------------------------------------------------------------- fish

function fishScript(source: CompletionSource): string {
  const lines = source.commands.flatMap((command) => [
    `complete -c millrace -f -n __fish_use_subcommand -a ${command.name} ` +
      `-d ${fishText(command.summary)}`,
    ...fishCommand(command, source),
  ]);
  return `# Completion of millrace in fish. Once: millrace completion fish | source; for good: into
# ~/.config/fish/completions/millrace.fish
function __millrace_jobs
  ${JOB_IDS}
end
${lines.join('\n')}
`;
}

function fishCommand(command: CommandSpec, source: CompletionSource): readonly string[] {
  const when = `-n '__fish_seen_subcommand_from ${command.name}'`;
  const options = command.options.map((option) => {
    const { name, short, aliases = [], value, help } = option;
    const names = [
      `-l ${name}`,
      ...(short === undefined ? [] : [`-s ${short}`]),
      ...aliases.map((each) =>
        each.startsWith('--') ? `-l ${each.slice(2)}` : `-o ${each.slice(1)}`,
      ),
    ].join(' ');
    const takes = value === undefined ? '-f' : fishAction(optionKind(option, source), '-r');
    return `complete -c millrace ${when} ${names} ${takes} -d ${fishText(help)}`;
  });
  const [first] = command.positionals;
  if (first === undefined) return options;
  const action = fishAction(kindOf(first, [], source), '');
  return [...options, `complete -c millrace ${when} ${action}`.trimEnd()];
}

function fishAction(kind: Kind, required: string): string {
  switch (kind.kind) {
    case 'words': {
      const words = kind.words.map((word) => `${word}${kind.suffix}`).join(' ');
      return `${required} -f -a ${quoted(words)}`.trimStart();
    }
    case 'jobs':
      return `${required} -f -a '(__millrace_jobs)'`.trimStart();
    case 'files':
      return `${required} -F`.trimStart();
    case 'anything':
      return `${required} -f`.trimStart();
  }
}

/** In single quotes of fish only these two are special. */
function fishText(text: string): string {
  return `'${text.replaceAll(/['\\]/g, (special) => `\\${special}`)}'`;
}
