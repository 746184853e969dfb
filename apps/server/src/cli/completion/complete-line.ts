import type { Argument, Command, Option } from 'commander';

/** What the words of a line ask for next. */
export interface Wanted {
  /** Names of commands and flags, in the order of the help. */
  readonly words: readonly string[];
  /** Whether the name of a queue may come next. */
  readonly queue: boolean;
  /** The beginning that the user has typed. */
  readonly begun: string;
  /** The values of the program's own flags in the line, by the names of their settings. */
  readonly globals: ReadonlyMap<string, string>;
}

/** Arguments and values of flags that are names of queues. */
const QUEUES: ReadonlySet<string> = new Set(['queue', 'to', 'from-queue']);

/**
 * Reads a line as far as it is typed, with the commands and flags of the program itself.
 *
 * @param line begins with the name of the program. What follows the last space is begun.
 */
export function wantedAfter(program: Command, line: string): Wanted {
  const [begun = '', ...reversed] = line.split(/\s/).reverse();
  const words = reversed.reverse().filter((word) => word !== '');
  const globals = new Map<string, string>();
  let command = program;
  let given = 0;
  let awaited: Option | undefined;
  for (const word of words.slice(1)) {
    if (awaited !== undefined) {
      if (program.options.includes(awaited)) globals.set(awaited.attributeName(), word);
      awaited = undefined;
    } else if (word.startsWith('-')) {
      awaited = valuedOption(program, command, word);
    } else {
      const next = given === 0 ? visible(command).find((each) => each.name() === word) : undefined;
      if (next === undefined) given += 1;
      else command = next;
    }
  }
  const nothing = { words: [], queue: false, begun, globals };
  if (awaited !== undefined) return { ...nothing, queue: takesQueue(awaited) };
  if (begun.startsWith('-')) return { ...nothing, words: matching(flagsOf(program, command), begun) };
  const names = given === 0 ? visible(command).map((each) => each.name()) : [];
  const argument = argumentAt(command, given);
  return {
    ...nothing,
    words: matching(names, begun),
    queue: argument !== undefined && QUEUES.has(argument.name()),
  };
}

function matching(words: readonly string[], begun: string): readonly string[] {
  return words.filter((word) => word.startsWith(begun));
}

/** The commands of a command that its help shows. */
function visible(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command);
}

function flagsOf(program: Command, command: Command): readonly string[] {
  const options = command === program ? program.options : [...command.options, ...program.options];
  return [...new Set([...options.map(({ long }) => long ?? ''), '--help'])].filter((flag) => flag !== '');
}

/** The option of a flag whose value is the next word. */
function valuedOption(program: Command, command: Command, flag: string): Option | undefined {
  const options = [...command.options, ...program.options];
  const option = options.find(({ long, short }) => long === flag || short === flag);
  return option?.required || option?.optional ? option : undefined;
}

/** Whether the help of a flag names a queue as its value. */
function takesQueue({ flags }: Option): boolean {
  return QUEUES.has(/<([^>]+)>/.exec(flags)?.[1] ?? '');
}

/** The argument of a place, from 0. The last one may take many. */
function argumentAt(command: Command, place: number): Argument | undefined {
  const { registeredArguments: all } = command;
  const last = all.at(-1);
  return all[place] ?? (last?.variadic ? last : undefined);
}
