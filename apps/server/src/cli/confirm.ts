import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { visibleText } from '../observability/visible-text.ts';
import type { Cli } from './cli.ts';
import { CommandError } from './command-error.ts';

/** The flag of commands that ask. */
export interface YesFlag {
  readonly yes: boolean;
}

/** Adds `--yes` to a command that deletes. */
export function withYesFlag(command: Command): Command {
  return command.option('--yes', 'do not ask', false);
}

/** What is asked before something is deleted. */
export interface Question {
  /** Names the command in errors, such as `failed to delete queue`. */
  readonly prefix: string;
  /** What the user should know first, without a full stop. Undefined: the question says all. */
  readonly reason?: string | undefined;
  readonly question: string;
}

/**
 * Asks the user before something is deleted.
 *
 * @throws CommandError unless the user says yes, or if there is no terminal to ask on.
 */
export async function confirmDeletion(
  cli: Cli,
  { yes }: YesFlag,
  { prefix, reason, question }: Question,
): Promise<void> {
  if (yes) return;
  if (!cli.io.isTerminal) {
    const why = reason === undefined ? '' : `${reason}; `;
    throw new CommandError(`${prefix}: ${why}there is no terminal to ask on, add --yes`);
  }
  if (reason !== undefined) cli.output.say(`${reason[0]?.toUpperCase()}${reason.slice(1)}.`);
  if (!(await isConfirmed(cli, question))) throw new CommandError(`${prefix}: not confirmed`);
}

/** Anything but `y` or `yes` is a no, and so are the end of the input and Ctrl-C. */
async function isConfirmed(cli: Cli, question: string): Promise<boolean> {
  const { stdin, stderr } = cli.io;
  const lines = createInterface({ input: stdin, signal: cli.interrupted() });
  stderr.write(`${visibleText(question)} [y/N] `);
  try {
    for await (const answer of lines) return /^y(es)?$/i.test(answer.trim());
    return false;
  } finally {
    lines.close();
  }
}
