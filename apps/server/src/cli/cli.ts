import { type Client, createClient } from '@querator/client';
import { SystemRandom } from '@querator/core';
import { CommandError, describeError } from './command-error.ts';
import type { CliIo } from './io.ts';
import { Output } from './output.ts';

const DEFAULT_ENDPOINT = 'http://localhost:2319';

/** The flags every command has. */
export interface GlobalOptions {
  readonly endpoint?: string;
  readonly apiKey?: string;
}

/** What commands share. One per invocation. */
export class Cli {
  readonly io: CliIo;
  readonly output: Output;
  readonly random = new SystemRandom();
  /** Set by a command that ends well, but not with 0. */
  exitCode = 0;
  readonly #globals: () => GlobalOptions;
  #interrupted: AbortSignal | undefined;

  /** @param globals read once a command runs: before, the flags are not parsed. */
  constructor(io: CliIo, globals: () => GlobalOptions) {
    this.io = io;
    this.output = new Output(io);
    this.#globals = globals;
  }

  /** Aborted when the user interrupts. Asking for it takes the signal away from the process's default. */
  interrupted(): AbortSignal {
    this.#interrupted ??= this.io.interrupted();
    return this.#interrupted;
  }

  /** Whether the user has interrupted. */
  get wasInterrupted(): boolean {
    return this.#interrupted?.aborted === true;
  }

  /** A value as flags and environment have it, in this order. Empty counts as not given in both. */
  setting(flag: string | undefined, variable: string): string | undefined {
    return flag || this.io.env[variable] || undefined;
  }

  /** A client for the server the user means. @throws CommandError when its address makes no sense. */
  client(): Client {
    const { endpoint, apiKey } = this.#globals();
    try {
      return createClient({
        endpoint: this.setting(endpoint, 'QUERATOR_ENDPOINT') ?? DEFAULT_ENDPOINT,
        apiKey: this.setting(apiKey, 'QUERATOR_API_KEY'),
        fetch: this.io.fetch,
      });
    } catch (error) {
      throw new CommandError(`failed to create client: ${describeError(error)}`, { cause: error });
    }
  }
}
