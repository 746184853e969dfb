import type { SecureVersion } from 'node:tls';
import { named, type UriParameters } from './uri-parameters.ts';

const TLS_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

/** `sslmode`, with PostgreSQL's meanings. node-postgres reads some of them differently. */
export type TlsMode = (typeof TLS_MODES)[number];

/** How a connection is encrypted. */
export interface TlsSettings {
  readonly mode: TlsMode;
  /** The root certificates that verify the server. `system`: those that the operating system trusts. */
  readonly rootCertFile?: string;
  /** The client's own certificate, and its key. */
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly keyPassword?: string;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  /**
   * TLS from the first byte, without asking first whether the server supports it.
   * Needs PostgreSQL 17 or newer.
   */
  readonly direct?: true;
  /** Whether the authentication is bound to the server's certificate. */
  readonly channelBinding?: 'prefer' | 'require';
}

/** Modes that never fall back to an unencrypted connection. */
const STRICT: ReadonlySet<TlsMode> = new Set(['require', 'verify-ca', 'verify-full']);

/** @throws Error that begins with the option that is wrong. It does not quote the value. */
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
    // Anybody can get a certificate from a public authority, so the host name has to be verified.
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
