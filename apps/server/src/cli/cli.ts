import { readFileSync } from 'node:fs';
import { type Client, createClient } from '@querator/client';
import { SystemRandom } from '@querator/core';
import { fileFault } from '../config/file-fault.ts';
import { CommandError, describeError, usageError } from './command-error.ts';
import type { CliIo } from './io.ts';
import { Output } from './output.ts';

const DEFAULT_ENDPOINT = 'http://localhost:2319';

/** The flags every command has. */
export interface GlobalOptions {
  readonly endpoint?: string;
  readonly apiKey?: string;
  readonly apiKeyFile?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** The state and settings of one invocation, which its command uses. */
export class Cli {
  readonly io: CliIo;
  readonly output: Output;
  readonly random = new SystemRandom();
  /** A command without an error may set an exit code other than 0. */
  exitCode = 0;
  readonly #globals: () => GlobalOptions;
  #interrupted: AbortSignal | undefined;

  /** @param globals is called when a command runs: the flags are not parsed before. */
  constructor(io: CliIo, globals: () => GlobalOptions) {
    this.io = io;
    this.output = new Output(io);
    this.#globals = globals;
  }

  /** Aborted when the user interrupts. The first call replaces the default action of the signal. */
  interrupted(): AbortSignal {
    this.#interrupted ??= this.io.interrupted();
    return this.#interrupted;
  }

  /** Whether the user has interrupted. */
  get wasInterrupted(): boolean {
    return this.#interrupted?.aborted === true;
  }

  /** The value of a flag, or else of an environment variable. An empty value counts as not given. */
  setting(flag: string | undefined, variable: string): string | undefined {
    return flag || this.io.env[variable] || undefined;
  }

  /**
   * A client for the chosen server.
   *
   * @param other another server, with its own key instead of the chosen one's.
   * @throws CommandError if its address or a file for TLS is invalid.
   */
  client(other: { readonly endpoint?: string; readonly apiKeyFile?: string } = {}): Client {
    const { caFile, certFile, keyFile, ...chosen } = this.#globals();
    const endpoint = other.endpoint ?? chosen.endpoint;
    const { apiKey, apiKeyFile } = chosen;
    const tls = {
      ca: this.#contents('ca-file', this.setting(caFile, 'QUERATOR_CA_FILE')),
      cert: this.#contents('cert-file', this.setting(certFile, 'QUERATOR_CERT_FILE')),
      key: this.#contents('key-file', this.setting(keyFile, 'QUERATOR_KEY_FILE')),
    };
    if ((tls.cert === undefined) !== (tls.key === undefined)) {
      throw usageError('failed to create client: --cert-file and --key-file go together');
    }
    try {
      return createClient({
        endpoint: this.setting(endpoint, 'QUERATOR_ENDPOINT') ?? DEFAULT_ENDPOINT,
        apiKey:
          other.apiKeyFile === undefined
            ? (this.setting(apiKey, 'QUERATOR_API_KEY') ??
              this.#contents('api-key-file', this.setting(apiKeyFile, 'QUERATOR_API_KEY_FILE'))?.trim())
            : this.#contents('api-key-file', other.apiKeyFile)?.trim(),
        fetch: this.io.fetch,
        tls,
      });
    } catch (error) {
      if (error instanceof CommandError) throw error;
      throw usageError(`failed to create client: ${describeError(error)}`, error);
    }
  }

  #contents(flag: string, file: string | undefined): string | undefined {
    if (file === undefined) return undefined;
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      const text = `failed to create client: --${flag}: cannot read ${file}: ${fileFault(error)}`;
      throw new CommandError(text, { cause: error });
    }
  }
}
