import { createReadStream } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import type { Cli } from './cli.ts';
import { CommandError, describeError } from './command-error.ts';

/**
 * Reads a file as bytes, or standard input if its name is `-`. Fails when the
 * user interrupts.
 *
 * @throws CommandError if the file cannot be opened or read.
 */
export async function* readInput(cli: Cli, file: string): AsyncGenerator<Uint8Array> {
  const source: Readable = file === '-' ? cli.io.stdin : createReadStream(file);
  addAbortSignal(cli.interrupted(), source);
  try {
    for await (const chunk of source as AsyncIterable<Uint8Array | string>) {
      yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    }
  } catch (error) {
    throw new CommandError(`${failure(file, error)}: ${describeError(error)}`, { cause: error });
  }
}

function failure(file: string, error: unknown): string {
  if (file === '-') return 'failed to read from stdin';
  return (error as NodeJS.ErrnoException).syscall === 'open' ? 'failed to open file' : 'failed to read file';
}
