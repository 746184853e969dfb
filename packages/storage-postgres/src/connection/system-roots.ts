import { readFile } from 'node:fs/promises';
import tls from 'node:tls';

/** The files in which Linux distributions keep all trusted root certificates. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** The part of `node:tls` that came with Node 22.15. */
interface Stores {
  getCACertificates?(type: 'system' | 'extra'): readonly string[];
}

/**
 * The root certificates that the operating system trusts. As for libpq, these are
 * those of `SSL_CERT_FILE`, or of the system's store. Those that `NODE_EXTRA_CA_CERTS`
 * names are added. A system without any uses Node's own.
 *
 * @throws Error that names the variable whose file cannot be read.
 */
export async function systemRoots(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  { getCACertificates }: Stores = tls as Stores,
): Promise<readonly string[]> {
  const extra = getCACertificates?.('extra') ?? [];
  const file = environment['SSL_CERT_FILE'];
  if (file !== undefined && file !== '') return [...extra, await readNamed(file)];
  // Node reads SSL_CERT_DIR itself.
  const system = getCACertificates?.('system') ?? [];
  if (system.length > 0) return [...extra, ...system];
  return [...extra, ...((await firstBundle()) ?? tls.rootCertificates)];
}

async function readNamed(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`SSL_CERT_FILE: ${error instanceof Error ? error.message : 'cannot be read'}`);
  }
}

async function firstBundle(): Promise<readonly string[] | undefined> {
  for (const bundle of BUNDLES) {
    const text = await readFile(bundle, 'utf8').catch(() => undefined);
    if (text !== undefined) return [text];
  }
  return undefined;
}
