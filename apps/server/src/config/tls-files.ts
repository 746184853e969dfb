import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { fileFault } from './file-fault.ts';
import type { TlsSettings } from './schema.ts';

/** The keys of `tls` that name files. */
type TlsFileKey = 'cert' | 'key' | 'client-ca';

/** A file of the TLS settings cannot be used. */
export class TlsFileError extends Error {
  override readonly name = 'TlsFileError';
  /** The key that names the file. */
  readonly key: TlsFileKey;

  /** @param message names the file, and never shows its contents. */
  constructor(key: TlsFileKey, message: string) {
    super(message);
    this.key = key;
  }
}

/** The contents of the files, checked, as `node:tls` takes them. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly minVersion: TlsSettings['min-version'];
}

/**
 * Reads the certificate, its key, and the certificates that sign those of clients.
 *
 * @throws TlsFileError if a file cannot be read, or its contents do not fit.
 */
export function readTlsFiles(settings: TlsSettings): TlsFiles {
  const cert = read('cert', settings.cert);
  const leaf = certificatesIn('cert', settings.cert, cert)[0];
  const key = read('key', settings.key);
  checkKey(settings.key, key, leaf);
  const clientCa = settings['client-ca'];
  const ca = clientCa === undefined ? undefined : read('client-ca', clientCa);
  if (clientCa !== undefined && ca !== undefined) certificatesIn('client-ca', clientCa, ca);
  const files = { cert, key, ...(ca === undefined ? {} : { ca }), minVersion: settings['min-version'] };
  try {
    // Finds what only the TLS library refuses, such as a key that is too short for it.
    createSecureContext(files);
  } catch (error) {
    throw new TlsFileError('cert', `the file ${settings.cert} cannot be used: ${reasonOf(error)}`);
  }
  return files;
}

/** When the server's certificate expires. */
export function expiryOf({ cert }: Pick<TlsFiles, 'cert'>): Date {
  return new X509Certificate(cert).validToDate;
}

function read(key: TlsFileKey, file: string): string {
  // With `file:PATH` in place of `PATH` the value would be a key itself, which no message may show.
  if (/[\r\n]/.test(file)) throw new TlsFileError(key, 'expected the path of a file, not its contents');
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new TlsFileError(key, `cannot read the file ${file}: ${fileFault(error)}`);
  }
}

/** An empty list of authorities would make Node trust all public ones, so there must be one. */
function certificatesIn(key: TlsFileKey, file: string, text: string): readonly X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    const certificates = blocks.map((block) => new X509Certificate(block));
    if (certificates.length > 0) return certificates;
  } catch {}
  throw new TlsFileError(key, `the file ${file} holds no certificate in PEM`);
}

function checkKey(file: string, text: string, leaf: X509Certificate | undefined): void {
  if (/ENCRYPTED/.test(text)) {
    throw new TlsFileError(
      'key',
      `the key in the file ${file} is encrypted; expected one without a passphrase`,
    );
  }
  let belongs: boolean;
  try {
    belongs = leaf?.checkPrivateKey(createPrivateKey(text)) ?? false;
  } catch {
    throw new TlsFileError('key', `the file ${file} holds no private key in PEM`);
  }
  if (!belongs) {
    throw new TlsFileError('key', `the key in the file ${file} does not belong to the certificate of 'cert'`);
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
