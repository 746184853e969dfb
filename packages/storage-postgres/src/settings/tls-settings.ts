import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions, SecureVersion } from 'node:tls';
import { SecureContexts } from './secure-contexts.ts';
import { systemRoots } from './system-roots.ts';
import { named, type UriParameters } from './uri-parameters.ts';

const TLS_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

/** `sslmode`, with PostgreSQL's meanings: node-postgres reads some of them otherwise. */
export type TlsMode = (typeof TLS_MODES)[number];

/** How a connection is to be encrypted. */
export interface TlsSettings {
  readonly mode: TlsMode;
  /** The certificates that vouch for the server; `system`: those that the operating system trusts. */
  readonly rootCertFile?: string;
  /** The client's own certificate, and its key. */
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly keyPassword?: string;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  /** TLS from the first byte, without asking first whether the server has it; PostgreSQL 17 and newer. */
  readonly direct?: true;
  /** Whether the proof of the password is bound to the server's certificate. */
  readonly channelBinding?: 'prefer' | 'require';
}

/** One way of connecting: in the clear, or encrypted with these options. */
export type TlsAttempt = false | ConnectionOptions;

/** Modes that never go on in the clear. */
const STRICT: ReadonlySet<TlsMode> = new Set(['require', 'verify-ca', 'verify-full']);

/** @throws Error that begins with the option that is wrong, and does not quote it. */
export function takeTlsSettings(parameters: UriParameters): TlsSettings {
  const rootCertFile = parameters.take('sslrootcert');
  const mode = takeMode(parameters, rootCertFile);
  const files = {
    ...named('rootCertFile', rootCertFile),
    ...named('certFile', parameters.take('sslcert')),
    ...named('keyFile', parameters.take('sslkey')),
    ...named('keyPassword', parameters.take('sslpassword')),
  };
  if ((files.certFile === undefined) !== (files.keyFile === undefined)) {
    throw new Error('sslcert and sslkey must be given together');
  }
  return { mode, ...files, ...takeProtocol(parameters, mode) };
}

function takeMode(parameters: UriParameters, rootCertFile: string | undefined): TlsMode {
  const text = parameters.take('sslmode') ?? (rootCertFile === 'system' ? 'verify-full' : 'prefer');
  const mode = TLS_MODES.find((each) => each === text);
  if (mode === undefined) throw new Error(`sslmode must be one of ${TLS_MODES.join(', ')}`);
  if (rootCertFile === 'system' && mode !== 'verify-full') {
    // Anybody can get a certificate from a public authority: the name on it is all there is.
    throw new Error('sslrootcert=system needs sslmode=verify-full');
  }
  return mode;
}

function takeProtocol(parameters: UriParameters, mode: TlsMode): Partial<TlsSettings> {
  const oneOf = <T extends string>(key: string, values: readonly T[]): T | undefined => {
    const text = parameters.take(key);
    const value = values.find((each) => each === text);
    if (text !== undefined && value === undefined)
      throw new Error(`${key} must be one of ${values.join(', ')}`);
    return value;
  };
  const versions = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
  const minVersion = oneOf('ssl_min_protocol_version', versions);
  const maxVersion = oneOf('ssl_max_protocol_version', versions);
  const direct = oneOf('sslnegotiation', ['postgres', 'direct']) === 'direct';
  const channelBinding = oneOf('channel_binding', ['disable', 'prefer', 'require']);
  if (direct && !STRICT.has(mode)) throw new Error('sslnegotiation=direct needs sslmode=require or stricter');
  if (channelBinding === 'require' && !STRICT.has(mode)) {
    throw new Error('channel_binding=require needs sslmode=require or stricter');
  }
  return {
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...(direct ? { direct } : {}),
    ...(channelBinding === undefined || channelBinding === 'disable' ? {} : { channelBinding }),
  };
}

/** Where the authorities are looked for that a string does not name. */
export interface TlsSurroundings {
  /** The folder of the user in which libpq keeps its files. */
  readonly userFolder: string;
  readonly systemRoots: () => Promise<readonly string[]>;
  readonly contexts: SecureContexts;
}

/** Those of this process and this machine. */
export function tlsSurroundings(): TlsSurroundings {
  return {
    userFolder: join(homedir(), '.postgresql'),
    systemRoots: () => systemRoots(),
    contexts: new SecureContexts(),
  };
}

/**
 * The ways of connecting that a mode allows, in the order they are to be
 * tried. Reads the files the settings name, every time: certificates are
 * renewed while we run.
 *
 * - Authorities are those of `sslrootcert`, or as in libpq those of
 *   `~/.postgresql/root.crt`, or those that the system trusts.
 * - `require` encrypts and verifies nothing, unless there is a root certificate
 *   of the first two kinds: then it is `verify-ca`, as in libpq.
 * - `verify-ca` accepts any name on a certificate the root vouches for,
 *   `verify-full` only the host's.
 *
 * @throws Error that names the option whose file cannot be read.
 */
export async function tlsAttempts(
  settings: TlsSettings,
  surroundings: TlsSurroundings,
): Promise<readonly TlsAttempt[]> {
  if (settings.mode === 'disable') return [false];
  const encrypted = await encryptedOptions(settings, surroundings);
  if (settings.mode === 'allow') return [false, encrypted];
  if (settings.mode === 'prefer') return [encrypted, false];
  return [encrypted];
}

async function encryptedOptions(
  settings: TlsSettings,
  surroundings: TlsSurroundings,
): Promise<ConnectionOptions> {
  const { mode, rootCertFile, keyPassword, minVersion, maxVersion } = settings;
  const verifiesHost = mode === 'verify-full';
  const mustVerify = verifiesHost || mode === 'verify-ca';
  const [ca, cert, key] = await Promise.all([
    readRoots(rootCertFile, mustVerify, surroundings),
    readNamed('sslcert', settings.certFile),
    readNamed('sslkey', settings.keyFile),
  ]);
  const secureContext = surroundings.contexts.of({
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

/** Undefined where nothing is to be verified. */
async function readRoots(
  file: string | undefined,
  mustVerify: boolean,
  { userFolder, systemRoots }: TlsSurroundings,
): Promise<readonly string[] | undefined> {
  if (file === 'system') return await systemRoots();
  const named = await readNamed('sslrootcert', file);
  if (named !== undefined) return [named];
  const users = join(userFolder, 'root.crt');
  try {
    return [await readFile(users, 'utf8')];
  } catch (error) {
    // One that is there and cannot be read must not go unnoticed.
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
