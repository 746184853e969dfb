import { createInterface } from 'node:readline/promises';
import { visibleText } from '../observability/visible-text.ts';
import type { Cli } from './cli.ts';

/** Asks the user on a terminal. Anything but `y` or `yes` is a no, and so is the end of the input. */
export async function confirm(cli: Cli, question: string): Promise<boolean> {
  const { stdin, stderr } = cli.io;
  const lines = createInterface({ input: stdin });
  stderr.write(`${visibleText(question)} [y/N] `);
  try {
    for await (const answer of lines) return /^y(es)?$/i.test(answer.trim());
    return false;
  } finally {
    lines.close();
  }
}
