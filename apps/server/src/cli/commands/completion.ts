import { type Command, InvalidArgumentError } from 'commander';
import type { Cli } from '../cli.ts';
import { wantedAfter } from '../completion/complete-line.ts';
import { COMPLETE_LINE, SHELLS, type Shell, shellScript } from '../completion/shell-scripts.ts';

/** How long a user who pressed Tab waits for a server. */
const TIMEOUT_MS = 1_000;
const MOST_QUEUES = 100;
/** A shell would obey other characters of a name. */
const PLAIN_NAME = /^[\w.:@%+,/=-]+$/;

/** `querator completion bash|zsh|fish`, and the command that these scripts call. */
export function addCompletion(program: Command, cli: Cli): void {
  program
    .command('completion')
    .description('print the script that lets a shell complete commands, flags and names of queues')
    .argument('<shell>', SHELLS.join(', '), shellOf)
    .action((shell: Shell) => cli.output.data(shellScript(program, shell)));
  program
    .command(COMPLETE_LINE, { hidden: true })
    .argument('<line>', 'what the user typed')
    .action(async (line: string) => {
      const { words, queue, begun, globals } = wantedAfter(program, line);
      for (const [setting, value] of globals) program.setOptionValue(setting, value);
      const found = [...words, ...(queue ? await queueNames(cli, begun) : [])];
      await cli.output.data(found.map((word) => `${word}\n`).join(''));
    });
}

function shellOf(text: string): Shell {
  const shell = SHELLS.find((each) => each === text);
  if (shell === undefined) throw new InvalidArgumentError(`It is none of ${SHELLS.join(', ')}.`);
  return shell;
}

/**
 * The first queues whose names begin with a text. None if no server answers, or it
 * refuses: who completes a line wants no error.
 */
async function queueNames(cli: Cli, begun: string): Promise<readonly string[]> {
  try {
    const { queues } = cli.client();
    const options = { signal: cli.interrupted(), timeoutMs: TIMEOUT_MS };
    const { items } = await queues.list({ pivot: begun, limit: MOST_QUEUES }, options);
    const names = items.map(({ queueName }) => queueName);
    return names.filter((name) => name.startsWith(begun) && PLAIN_NAME.test(name));
  } catch {
    return [];
  }
}
