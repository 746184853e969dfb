import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import type { TlsSettings } from '../settings/tls-settings.ts';
import { SecureContexts } from './secure-contexts.ts';
import { systemRoots } from './system-roots.ts';

/** One way of connecting: unencrypted, or encrypted with these options. */
export type TlsAttempt = false | ConnectionOptions;

/** Where root certificates are found if the connection string names none. */
export interface TlsDeps {
  /** The user's folder in which libpq keeps its files. */
  readonly userFolder: string;
  readonly systemRoots: () => Promise<readonly string[]>;
  readonly contexts: SecureContexts;
}

/** The folder of this user and the certificates of this machine. */
export function tlsDeps(): TlsDeps {
  return {
    userFolder: join(homedir(), '.postgresql'),
    systemRoots: () => systemRoots(),
    contexts: new SecureContexts(),
  };
}

/**
 * The ways of connecting that a mode allows, in the order in which they are tried.
 * Reads the files that the settings name each time, since certificates are renewed
 * while the process runs.
 *
 * - Root certificates are those of `sslrootcert`, else of `~/.postgresql/root.crt` as
 *   in libpq, else those that the system trusts.
 * - `require` encrypts and verifies nothing. With a root certificate of the first two
 *   kinds it is `verify-ca`, as in libpq.
 * - `verify-ca` accepts any host name in a certificate that a root certificate
 *   verifies, `verify-full` only the host's own.
 *
 * @throws Error that names the option whose file cannot be read.
 */
export async function tlsAttempts(settings: TlsSettings, deps: TlsDeps): Promise<readonly TlsAttempt[]> {
  if (settings.mode === 'disable') return [false];
  const encrypted = await encryptedOptions(settings, deps);
  if (settings.mode === 'allow') return [false, encrypted];
  if (settings.mode === 'prefer') return [encrypted, false];
  return [encrypted];
}

async function encryptedOptions(settings: TlsSettings, deps: TlsDeps): Promise<ConnectionOptions> {
  const { mode, rootCertFile, keyPassword, minVersion, maxVersion } = settings;
  const verifiesHost = mode === 'verify-full';
  const mustVerify = verifiesHost || mode === 'verify-ca';
  const [ca, cert, key] = await Promise.all([
    readRoots(rootCertFile, mustVerify, deps),
    readNamed('sslcert', settings.certFile),
    readNamed('sslkey', settings.keyFile),
  ]);
  const secureContext = deps.contexts.of({
    ...(ca === undefined ? {} : { ca: [...ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(keyPassword === undefined ? {} : { passphrase: keyPassword }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
  });
  return {
    secureContext,
    rejectUnauthorized: ca !== undefined,
    ...(verifiesHost ? {} : { checkServerIdentity: () => undefined }),
  };
}

/** Undefined if nothing is verified. */
async function readRoots(
  file: string | undefined,
  mustVerify: boolean,
  { userFolder, systemRoots }: TlsDeps,
): Promise<readonly string[] | undefined> {
  if (file === 'system') return await systemRoots();
  const named = await readNamed('sslrootcert', file);
  if (named !== undefined) return [named];
  const users = join(userFolder, 'root.crt');
  try {
    return [await readFile(users, 'utf8')];
  } catch (error) {
    // Report a file that exists but cannot be read.
    if (!isMissing(error))
      throw new Error(`${users}: ${error instanceof Error ? error.message : 'cannot be read'}`);
  }
  return mustVerify ? await systemRoots() : undefined;
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

async function readNamed(option: string, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`${option}: ${error instanceof Error ? error.message : 'cannot be read'}`);
  }
}
