import { createInterface } from 'node:readline/promises';
import type { Readable } from 'node:stream';
import { visibleText } from '../observability/visible-text.ts';
import type { Cli } from './cli.ts';
import { CommandError } from './command-error.ts';
import { EXIT } from './exit-codes.ts';

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const BACKSPACES = ['\b', '\u007f'];
const LINE_ENDS = ['\r', '\n'];

interface TerminalInput extends Readable {
  readonly isTTY?: boolean;
  readonly setRawMode?: (on: boolean) => unknown;
}

/**
 * Reads a line that nobody else should see: on a terminal without echo, else from standard input.
 *
 * @returns the line without white space around it.
 * @throws CommandError if the user interrupts.
 */
export async function readSecret(cli: Cli, prompt: string): Promise<string> {
  const input = cli.io.stdin as TerminalInput;
  return (input.isTTY ? await typed(cli, input, prompt) : await firstLine(cli, input)).trim();
}

async function firstLine(cli: Cli, input: Readable): Promise<string> {
  const lines = createInterface({ input, signal: cli.interrupted() });
  try {
    for await (const line of lines) return line;
    return '';
  } finally {
    lines.close();
  }
}

function typed({ io }: Cli, input: TerminalInput, prompt: string): Promise<string> {
  io.stderr.write(visibleText(prompt));
  input.setRawMode?.(true);
  let line = '';
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const read = (chunk: Buffer | string) => {
    for (const key of String(chunk)) {
      if (LINE_ENDS.includes(key) || key === CTRL_D) return resolve(line);
      if (key === CTRL_C) return reject(new CommandError('interrupted', { exitCode: EXIT.interrupted }));
      line = BACKSPACES.includes(key) ? line.slice(0, -1) : line + key;
    }
  };
  input.on('data', read);
  input.resume();
  return promise.finally(() => {
    input.off('data', read);
    input.setRawMode?.(false);
    input.pause();
    io.stderr.write('\n');
  });
}
