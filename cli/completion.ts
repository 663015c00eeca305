import type { Command, Option } from "commander";

/** The shells that `vqkit completion` writes a script for. */
export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** A command as completion knows it. */
interface Entry {
  readonly name: string;
  readonly description: string;
  readonly options: readonly Option[];
}

/**
 * A script that completes a program's commands, their flags and, for what is neither, files. It holds all names, so a
 * shell need not start the program at each press of Tab.
 */
export function completionScript(program: Command, shell: Shell): string {
  const help = program.createHelp();
  const entries = help.visibleCommands(program).map(
    (command): Entry => ({
      name: command.name(),
      description: firstClause(command.description()),
      options: help.visibleOptions(command),
    }),
  );
  return WRITERS[shell](program.name(), entries);
}

const WRITERS: Readonly<Record<Shell, (program: string, entries: readonly Entry[]) => string>> = {
  bash: (
    program,
    entries,
  ) => `# bash completion of ${program}. In ~/.bashrc: source <(${program} completion bash)
_${program}() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${entries.map(({ name }) => name).join(" ")} --help --version" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${entries.map(({ name, options }) => `    ${name}) words="${flagsOf(options).join(" ")}" ;;`).join("\n")}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _${program} ${program}
`,
  zsh: (program, entries) => `#compdef ${program}
# zsh completion of ${program}. In ~/.zshrc, after compinit: source <(${program} completion zsh)
_${program}() {
  if (( CURRENT == 2 )); then
    local -a commands=(
${entries.map(({ name, description }) => `      ${quoted(`${name}:${description}`)}`).join("\n")}
    )
    _describe command commands
    return
  fi
  local -a flags=()
  case "$words[2]" in
${entries
  .map(
    ({ name, options }) =>
      `    ${name}) flags=(${options
        .flatMap((option) =>
          namesOf(option).map((flag) => quoted(`${flag}:${firstClause(option.description)}`)),
        )
        .join(" ")}) ;;`,
  )
  .join("\n")}
  esac
  if [[ "$PREFIX" == -* ]]; then _describe flag flags; else _files; fi
}
compdef _${program} ${program}
`,
  fish: (program, entries) =>
    [
      `# fish completion of ${program}. Once: ${program} completion fish > ~/.config/fish/completions/${program}.fish`,
      ...entries.map(
        ({ name, description }) =>
          `complete -c ${program} -n __fish_use_subcommand -f -a ${name} -d ${quoted(description)}`,
      ),
      ...entries.flatMap(({ name, options }) =>
        options.map((option) => {
          const short = option.short === undefined ? "" : ` -s ${option.short.slice(1)}`;
          const long = option.long === undefined ? "" : ` -l ${option.long.slice(2)}`;
          const value = option.required ? " -r" : "";
          return `complete -c ${program} -n "__fish_seen_subcommand_from ${name}"${short}${long}${value} -d ${quoted(firstClause(option.description))}`;
        }),
      ),
      "",
    ].join("\n"),
};

function flagsOf(options: readonly Option[]): string[] {
  return options.flatMap(namesOf);
}

function namesOf({ short, long }: Option): string[] {
  return [short, long].filter((name) => name !== undefined);
}

/** What stands before the first comma, semicolon, colon or bracket: shells show one short line. */
function firstClause(text: string): string {
  return (text.split(/[,;:(]/)[0] ?? "").trim();
}

/** A word in single quotes, as all three shells read it. */
function quoted(text: string): string {
  return `'${text.replace(/'/g, "’")}'`;
}
