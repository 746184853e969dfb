import { ReplyError } from '@querator/client';
import { visibleLine } from '../observability/visible-text.ts';

/** Ends a command with a text after `Error: ` and an exit code. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, options: { readonly cause?: unknown; readonly exitCode?: number } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}

/** An error as one line, without its stack. */
export function describeError(error: unknown): string {
  if (error instanceof ReplyError) {
    return `POST ${error.url} returned '${error.codeText}' with message: ${visibleLine(error.message)}`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** Runs a part of a command. @throws CommandError with `prefix`, which names the part, if it fails. */
export async function attempt<T>(prefix: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new CommandError(`${prefix}: ${describeError(error)}`, { cause: error });
  }
}
