import { CommanderError } from 'commander';
import { Cli } from './cli.ts';
import { CommandError, describeError } from './command-error.ts';
import type { CliIo } from './io.ts';
import { createProgram } from './program.ts';

/** What a shell reports of a program that Ctrl-C ended. */
const INTERRUPTED = 130;

/**
 * Runs the command line.
 *
 * @param argv what follows the program's name.
 * @returns the exit code: 0 when all went well, 1 after an error, which has
 *   been told on standard error, 130 after an interruption. Never throws.
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const { program, cli } = createProgram((program) => new Cli(io, () => program.opts()));
  try {
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync([...argv], { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    // Commander has written what it has to say.
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

/** Whoever read our output has had enough of it, as `head` has. */
function isBrokenPipe(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'EPIPE' && !(error instanceof CommandError);
}
