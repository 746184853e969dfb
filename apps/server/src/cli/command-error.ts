import { ReplyError } from '@querator/client';
import { visibleLine } from '../observability/visible-text.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';

/** Ends a command with a text after `Error: ` and an exit code, by default that of its cause. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, options: { readonly cause?: unknown; readonly exitCode?: number } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? exitCodeOf(options.cause);
  }
}

/** The error for wrong flags or arguments. */
export function usageError(message: string, cause?: unknown): CommandError {
  return new CommandError(message, { cause, exitCode: EXIT.usage });
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
    const options = error instanceof CommandError ? { exitCode: error.exitCode } : {};
    throw new CommandError(`${prefix}: ${describeError(error)}`, { cause: error, ...options });
  }
}
