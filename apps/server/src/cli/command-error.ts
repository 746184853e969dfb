import { ReplyError } from '@querator/client';

/** A command ends here, with this text after `Error: ` and this exit code. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, options: { readonly cause?: unknown; readonly exitCode?: number } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}

/** What went wrong, in one line, without its stack. */
export function describeError(error: unknown): string {
  if (error instanceof ReplyError) {
    return `POST ${error.url} returned '${error.codeText}' with message: ${error.message}`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** Does what a command consists of, and says on failure which part of it failed. */
export async function attempt<T>(prefix: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new CommandError(`${prefix}: ${describeError(error)}`, { cause: error });
  }
}
