import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';

const TLS_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

/** `sslmode`, with PostgreSQL's meanings: node-postgres reads some of them otherwise. */
export type TlsMode = (typeof TLS_MODES)[number];

export function isTlsMode(text: string): text is TlsMode {
  return (TLS_MODES as readonly string[]).includes(text);
}

/** How a connection is to be encrypted. */
export interface TlsSettings {
  readonly mode: TlsMode;
  /** The certificates that vouch for the server; `system`, or absent: those Node trusts. */
  readonly rootCertFile?: string;
  /** The client's own certificate, and its key. */
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly keyPassword?: string;
}

/** One way of connecting: in the clear, or encrypted with these options. */
export type TlsAttempt = false | ConnectionOptions;

/**
 * The ways of connecting that a mode allows, in the order they are to be
 * tried. Reads the files the settings name.
 *
 * - `require` encrypts and verifies nothing, unless a root certificate is
 *   given: then it is `verify-ca`, as in libpq.
 * - `verify-ca` accepts any name on a certificate the root vouches for,
 *   `verify-full` only the host's.
 */
export async function tlsAttempts(settings: TlsSettings): Promise<readonly TlsAttempt[]> {
  if (settings.mode === 'disable') return [false];
  const encrypted = await encryptedOptions(settings);
  if (settings.mode === 'allow') return [false, encrypted];
  if (settings.mode === 'prefer') return [encrypted, false];
  return [encrypted];
}

async function encryptedOptions(settings: TlsSettings): Promise<ConnectionOptions> {
  const [ca, cert, key] = await Promise.all([
    settings.rootCertFile === 'system' ? undefined : readIfNamed(settings.rootCertFile),
    readIfNamed(settings.certFile),
    readIfNamed(settings.keyFile),
  ]);
  const verifiesHost = settings.mode === 'verify-full';
  const verifies = verifiesHost || settings.mode === 'verify-ca' || settings.rootCertFile !== undefined;
  return {
    rejectUnauthorized: verifies,
    ...(verifiesHost ? {} : { checkServerIdentity: () => undefined }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(settings.keyPassword === undefined ? {} : { passphrase: settings.keyPassword }),
  };
}

async function readIfNamed(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : await readFile(file, 'utf8');
}
