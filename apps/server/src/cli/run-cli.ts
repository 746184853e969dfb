import { CommanderError } from 'commander';
import { Cli } from './cli.ts';
import { CommandError, describeError } from './command-error.ts';
import type { CliIo } from './io.ts';
import { createProgram } from './program.ts';

/** The exit code that shells report for a program that Ctrl-C ended. */
const INTERRUPTED = 130;

/**
 * Runs the command line.
 *
 * @param argv the arguments after the program's name.
 * @returns the exit code: 0 without an error, 1 after an error, which standard
 *   error shows, 130 after an interruption. Never throws.
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const { program, cli } = createProgram((program) => new Cli(io, () => program.opts()));
  try {
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync([...argv], { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    // Commander has written its error already.
    if (error instanceof CommanderError) return error.exitCode;
    if (isBrokenPipe(error)) return 0;
    if (error instanceof CommandError && error.exitCode === INTERRUPTED) {
      cli.output.say(error.message);
      return INTERRUPTED;
    }
    if (cli.wasInterrupted) return INTERRUPTED;
    cli.output.say(`Error: ${describeError(error)}`);
    return error instanceof CommandError ? error.exitCode : 1;
  }
}

/** The reader of the output has closed the pipe, as `head` does. */
function isBrokenPipe(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'EPIPE' && !(error instanceof CommandError);
}
