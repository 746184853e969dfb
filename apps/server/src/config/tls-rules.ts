import { resolve } from 'node:path';
import type { ConfigFault } from './config-error.ts';
import type { ConfigFile, TlsSettings } from './schema.ts';
import { readTlsFiles, TlsFileError } from './tls-files.ts';

/** The same settings with absolute paths. Relative ones start at `folder`. */
export function withAbsolutePaths(config: ConfigFile, folder: string): ConfigFile {
  const absolute = (tls: TlsSettings): TlsSettings => {
    const clientCa = tls['client-ca'];
    return {
      ...tls,
      cert: resolve(folder, tls.cert),
      key: resolve(folder, tls.key),
      ...(clientCa === undefined ? {} : { 'client-ca': resolve(folder, clientCa) }),
    };
  };
  const { tls, 'admin-tls': adminTls } = config;
  return {
    ...config,
    ...(tls === undefined ? {} : { tls: absolute(tls) }),
    ...(adminTls === undefined || adminTls === false ? {} : { 'admin-tls': absolute(adminTls) }),
  };
}

/** The TLS settings of the operators' port: those of the other port, unless it has its own or none. */
export function adminTlsOf({
  tls,
  'admin-tls': own,
}: Pick<ConfigFile, 'tls' | 'admin-tls'>): TlsSettings | undefined {
  if (own === undefined) return tls;
  return own === false ? undefined : own;
}

/**
 * Checks that the keys of the TLS settings go together, and their files.
 *
 * @param readFiles false: the files are not looked at.
 */
export function tlsFaults(
  { tls, 'admin-tls': adminTls, 'admin-address': adminAddress }: ConfigFile,
  readFiles: boolean,
): ConfigFault[] {
  const faultsOf = (key: string, settings: TlsSettings): ConfigFault[] => {
    if (settings['client-ca'] === undefined && settings['client-certificates'] !== undefined) {
      return [{ path: [key, 'client-certificates'], message: "needs 'client-ca', which signs them" }];
    }
    return readFiles ? fileFaults(key, settings) : [];
  };
  const faults = tls === undefined ? [] : faultsOf('tls', tls);
  if (adminTls === undefined) return faults;
  if (adminAddress === undefined) {
    return [...faults, { path: ['admin-tls'], message: "needs 'admin-address', the port that it is for" }];
  }
  return adminTls === false ? faults : [...faults, ...faultsOf('admin-tls', adminTls)];
}

function fileFaults(key: string, tls: TlsSettings): ConfigFault[] {
  try {
    readTlsFiles(tls);
    return [];
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    return [{ path: [key, error.key], message: error.message }];
  }
}
