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
  return { ...config, ...(config.tls === undefined ? {} : { tls: absolute(config.tls) }) };
}

/** Checks the files of the TLS settings, and that its keys go together. */
export function tlsFaults({ tls }: ConfigFile): ConfigFault[] {
  return tls === undefined ? [] : faultsOf('tls', tls);
}

function faultsOf(key: string, tls: TlsSettings): ConfigFault[] {
  if (tls['client-ca'] === undefined && tls['client-certificates'] !== undefined) {
    return [{ path: [key, 'client-certificates'], message: "needs 'client-ca', which signs them" }];
  }
  try {
    readTlsFiles(tls);
    return [];
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    return [{ path: [key, error.key], message: error.message }];
  }
}
