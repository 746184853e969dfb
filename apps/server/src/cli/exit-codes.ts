import { MESSAGES, QueueError } from '@querator/core';

/** The exit codes of the command line (docs/cli.md). Scripts compare them. */
export const EXIT = {
  error: 1,
  /** Wrong usage: an unknown command, or a flag that is missing, unknown or wrong. */
  usage: 2,
  /** What the command is about does not exist, or there was no item. */
  nothing: 3,
  /** As shells report it for a program that Ctrl-C ended. */
  interrupted: 130,
} as const;

/** What the server says of things that do not exist. A lost lease is not among them: the item may exist. */
const NOTHING: ReadonlySet<string | undefined> = new Set([
  'no_such_queue',
  'no_such_partition',
  'no_such_item',
  'no_such_record',
]);

/** The exit code after a failure which is not wrong usage. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof QueueError)) return EXIT.error;
  const noItemCame = error.code === 'retry' && error.message === MESSAGES.leaseTimedOut;
  return noItemCame || NOTHING.has(error.reason) ? EXIT.nothing : EXIT.error;
}
