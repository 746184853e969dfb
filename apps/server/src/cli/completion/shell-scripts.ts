import type { Command } from 'commander';

/** The shells that a script can be printed for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The hidden command that the scripts call. */
export const COMPLETE_LINE = 'complete-line';

/** The script that lets a shell complete the commands of the program. */
export function shellScript(program: Command, shell: Shell): string {
  const name = program.name();
  if (shell === 'bash') return bashScript(name);
  return shell === 'zsh' ? zshScript(name) : fishScript(program);
}

/**
 * Bash splits words at `:` and `=` too, and replaces only the last part. So the part before it
 * is cut off the answers. Where there are none, bash offers files.
 */
function bashScript(name: string): string {
  return `_${name}_complete() {
  local line="\${COMP_LINE:0:COMP_POINT}" part="\${COMP_WORDS[COMP_CWORD]}" IFS=$'\\n'
  local word="\${line##*[[:space:]]}"
  COMPREPLY=($(${name} ${COMPLETE_LINE} -- "$line" 2>/dev/null))
  COMPREPLY=("\${COMPREPLY[@]#"\${word%"$part"}"}")
}
complete -o default -F _${name}_complete ${name}
`;
}

function zshScript(name: string): string {
  return `#compdef ${name}
_${name}_complete() {
  local -a found
  found=("\${(@f)$(${name} ${COMPLETE_LINE} -- "\${(j: :)words[1,CURRENT-1]} $PREFIX" 2>/dev/null)}")
  if [[ -n "$found[1]" ]]; then
    compadd -- "\${found[@]}"
  else
    _files
  fi
}
compdef _${name}_complete ${name}
`;
}

/** Fish asks for files only after the flags that take one. */
function fishScript(program: Command): string {
  const name = program.name();
  const flags = [...new Set(filesOf(program))].map(
    (flag) => `complete -c ${name} -l ${flag.slice(2)} -r -F\n`,
  );
  return `function __${name}_complete
  ${name} ${COMPLETE_LINE} -- (commandline -cp | string collect) 2>/dev/null
end
complete -c ${name} -f -a '(__${name}_complete)'
${flags.join('')}`;
}

/** The flags of all commands whose value is a file. */
function filesOf(command: Command): readonly string[] {
  const own = command.options.filter(({ flags }) => flags.includes('<file>')).map(({ long }) => long ?? '');
  return [...own, ...command.commands.flatMap(filesOf)].filter((flag) => flag !== '');
}
