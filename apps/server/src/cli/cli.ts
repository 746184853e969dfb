import { readFileSync } from 'node:fs';
import { type Client, createClient } from '@querator/client';
import { SystemRandom } from '@querator/core';
import { fileFault } from '../config/file-fault.ts';
import { CommandError, describeError, usageError } from './command-error.ts';
import type { CliIo } from './io.ts';
import { Output } from './output.ts';
import { type Profile, profileOf, profilesFile, readProfiles } from './profiles.ts';

const DEFAULT_ENDPOINT = 'http://localhost:2319';

/** The flags every command has. */
export interface GlobalOptions {
  readonly endpoint?: string;
  readonly apiKey?: string;
  readonly apiKeyFile?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly profile?: string;
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

  /** The flags that were given for this invocation. */
  get flags(): GlobalOptions {
    return this.#globals();
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
    const flags = this.#globals();
    const profile = this.#profile(other.endpoint ?? flags.endpoint);
    const file = (flag: 'ca-file' | 'cert-file' | 'key-file', given: string | undefined, variable: string) =>
      this.#contents(flag, this.setting(given, variable) ?? profile[flag]);
    const tls = {
      ca: file('ca-file', flags.caFile, 'QUERATOR_CA_FILE'),
      cert: file('cert-file', flags.certFile, 'QUERATOR_CERT_FILE'),
      key: file('key-file', flags.keyFile, 'QUERATOR_KEY_FILE'),
    };
    if ((tls.cert === undefined) !== (tls.key === undefined)) {
      throw usageError('failed to create client: --cert-file and --key-file go together');
    }
    const apiKey =
      other.apiKeyFile === undefined
        ? this.#apiKey(flags, profile)
        : this.#contents('api-key-file', other.apiKeyFile)?.trim();
    const endpoint = this.setting(other.endpoint ?? flags.endpoint, 'QUERATOR_ENDPOINT') ?? profile.endpoint;
    try {
      return createClient({ endpoint: endpoint ?? DEFAULT_ENDPOINT, apiKey, fetch: this.io.fetch, tls });
    } catch (error) {
      throw usageError(`failed to create client: ${describeError(error)}`, error);
    }
  }

  /** The key of the flags, or else of the environment, or else of the profile. */
  #apiKey(flags: GlobalOptions, profile: Profile): string | undefined {
    const { QUERATOR_API_KEY: key, QUERATOR_API_KEY_FILE: keyFile } = this.io.env;
    const sources = [
      [flags.apiKey, flags.apiKeyFile],
      [key, keyFile],
      [profile['api-key'], profile['api-key-file']],
    ] as const;
    for (const [given, file] of sources) {
      if (given) return given;
      if (file) return this.#contents('api-key-file', file)?.trim();
    }
    return undefined;
  }

  /**
   * The profile that the user chose, or else the default one. The default one is for its own
   * endpoint: its key must not go to another server.
   */
  #profile(endpoint: string | undefined): Profile {
    try {
      const file = profilesFile(this.io.env);
      const chosen = this.setting(this.#globals().profile, 'QUERATOR_PROFILE');
      if (chosen !== undefined) return profileOf(readProfiles(file), chosen, file);
      if (this.setting(endpoint, 'QUERATOR_ENDPOINT') !== undefined) return {};
      const profiles = readProfiles(file);
      return profiles.default === undefined ? {} : profileOf(profiles, profiles.default, file);
    } catch (error) {
      throw new CommandError(`failed to create client: ${describeError(error)}`, { cause: error });
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
