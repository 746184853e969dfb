import { CommanderError } from 'commander';
import { Cli } from './cli.ts';
import { CommandError, describeError } from './command-error.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import type { CliIo } from './io.ts';
import { createProgram } from './program.ts';

/**
 * Runs the command line.
 *
 * @param argv the arguments after the program's name.
 * @returns the exit code: 0 without an error, one of {@link EXIT} after an error, which
 *   standard error shows. Never throws.
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const { program, cli } = createProgram((program) => new Cli(io, () => program.opts()));
  try {
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync([...argv], { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    // Commander has written its error already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
    if (isBrokenPipe(error)) return 0;
    if (error instanceof CommandError && error.exitCode === EXIT.interrupted) {
      cli.output.say(error.message);
      return EXIT.interrupted;
    }
    if (cli.wasInterrupted) return EXIT.interrupted;
    cli.output.say(`Error: ${describeError(error)}`);
    return error instanceof CommandError ? error.exitCode : exitCodeOf(error);
  }
}

/** The reader of the output has closed the pipe, as `head` does. */
function isBrokenPipe(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'EPIPE' && !(error instanceof CommandError);
}
