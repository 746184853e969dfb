import { type FileHandle, open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type Logger, silentLogger } from '@querator/core';
import { ConnectError, reasonOf } from '../errors/connect-error.ts';
import type { ConnectionSettings } from '../settings/connection-string.ts';
import { type PasswordTarget, passwordIn } from '../settings/pass-file.ts';

/**
 * Returns the password for a new connection, such as a token that expires. Its
 * rejection is a failure to connect.
 */
export type PasswordFunction = () => string | Promise<string>;

/** The dependencies of {@link Passwords}. */
export interface PasswordDeps {
  readonly logger?: Logger | undefined;
  /** Takes precedence over all other sources. */
  readonly password?: PasswordFunction | undefined;
  /** Undefined: that of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Undefined: that of the user. */
  readonly home?: string;
}

/** The longest password file, in bytes. */
const LONGEST_FILE = 1_048_576;
/** The permission bits of the group and of others. */
const FOREIGN_ACCESS = 0o077;

/**
 * The passwords for connections. As in libpq, the sources are the connection
 * string, then PGPASSWORD, then the password file: `passfile` of the string,
 * PGPASSFILE, or `~/.pgpass`.
 */
export class Passwords {
  #settings: Pick<ConnectionSettings, 'password' | 'passFile'>;
  readonly #deps: PasswordDeps;
  readonly #logger: Logger;
  /** The last warning about the file. It is not repeated at each connection. */
  #warned = '';

  constructor(settings: Pick<ConnectionSettings, 'password' | 'passFile'>, deps: PasswordDeps = {}) {
    this.#settings = settings;
    this.#deps = deps;
    this.#logger = deps.logger ?? silentLogger;
  }

  /** Takes further passwords from other settings. */
  renew(settings: Pick<ConnectionSettings, 'password' | 'passFile'>): void {
    this.#settings = settings;
  }

  /**
   * Finds the password of a connection. Called when a server asks for one.
   *
   * @throws ConnectError if there is none. It never contains a password.
   */
  async get(target: PasswordTarget): Promise<string> {
    const { password: ask, env = process.env } = this.#deps;
    if (ask !== undefined) return await answerOf(ask);
    const known = this.#settings.password || env['PGPASSWORD'];
    if (known) return known;
    const file = this.#settings.passFile || env['PGPASSFILE'] || this.#defaultFile();
    const text = await this.#read(file);
    const found = text === undefined ? undefined : passwordIn(text, target);
    if (found) return found;
    throw new ConnectError(
      'the server asks for a password, and neither the connection string nor PGPASSWORD has one, ' +
        `nor does the password file ${file}`,
    );
  }

  #defaultFile(): string {
    const { env = process.env, home = homedir() } = this.#deps;
    return process.platform === 'win32'
      ? join(env['APPDATA'] ?? home, 'postgresql', 'pgpass.conf')
      : join(home, '.pgpass');
  }

  async #read(file: string): Promise<string | undefined> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(file, 'r');
      const reason = await faultOf(handle);
      if (reason !== undefined) return this.#warn(file, reason);
      const text = await handle.readFile('utf8');
      this.#warned = '';
      return text;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === 'ENOENT' ? undefined : this.#warn(file, reasonOf(error));
    } finally {
      await handle?.close();
    }
  }

  #warn(file: string, reason: string): undefined {
    if (this.#warned === reason) return;
    this.#warned = reason;
    this.#logger.warn('the password file is not used', { file, reason });
  }
}

/** Why libpq would not use a file. */
async function faultOf(handle: FileHandle): Promise<string | undefined> {
  const stats = await handle.stat();
  if (!stats.isFile()) return 'it is not a plain file';
  if (stats.size > LONGEST_FILE) return `it is longer than ${LONGEST_FILE} bytes`;
  if (process.platform === 'win32' || (stats.mode & FOREIGN_ACCESS) === 0) return undefined;
  return 'its group or others have access to it; its permissions should be u=rw (0600) or less';
}

async function answerOf(ask: PasswordFunction): Promise<string> {
  let password: unknown;
  try {
    password = await ask();
  } catch (error) {
    throw new ConnectError(`the password function failed: ${reasonOf(error)}`);
  }
  if (typeof password === 'string' && password !== '') return password;
  throw new ConnectError('the password function returned no text');
}
