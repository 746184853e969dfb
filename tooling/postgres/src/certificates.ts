import { generateKeyPair } from 'node:crypto';
import forge from 'node-forge';

/** A certificate with its key, both as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** The contents of a certificate. */
export interface Subject {
  readonly commonName: string;
  /** Its host names and addresses. */
  readonly names?: readonly string[];
  /** Whether it expired yesterday. */
  readonly expired?: boolean;
}

/** Signs certificates. */
export interface Authority {
  /** The authority's certificate, as PEM. */
  readonly cert: string;
  issue(subject: Subject): Promise<Certificate>;
}

const DAY_MS = 86_400_000;

/** Made by Node, since forge takes a hundred times as long. */
function makeKeys(): Promise<{ readonly publicKey: string; readonly privateKey: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ publicKey: string; privateKey: string }>();
  generateKeyPair(
    'rsa',
    {
      modulusLength: 2_048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    },
    (error, publicKey, privateKey) => {
      if (error) reject(error);
      else resolve({ publicKey, privateKey });
    },
  );
  return promise;
}

function unsigned({ commonName, names = [], expired = false }: Subject, publicKey: string) {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  certificate.serialNumber = forge.util.bytesToHex(`\x01${forge.random.getBytesSync(8)}`);
  certificate.validity.notBefore = new Date(Date.now() - 2 * DAY_MS);
  certificate.validity.notAfter = new Date(Date.now() + (expired ? -DAY_MS : DAY_MS));
  certificate.setSubject([{ name: 'commonName', value: commonName }]);
  const altNames = names.map((name) =>
    /^[\d.]+$|:/.test(name) ? { type: 7, ip: name } : { type: 2, value: name },
  );
  certificate.setExtensions(altNames.length > 0 ? [{ name: 'subjectAltName', altNames }] : []);
  return certificate;
}

function sign(certificate: forge.pki.Certificate, key: string): string {
  certificate.sign(forge.pki.privateKeyFromPem(key), forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}

/** Creates a private authority, like that of a company. */
export async function makeAuthority(commonName: string): Promise<Authority> {
  const own = await makeKeys();
  const root = unsigned({ commonName }, own.publicKey);
  root.setIssuer(root.subject.attributes);
  root.setExtensions([{ name: 'basicConstraints', cA: true, critical: true }]);
  return {
    cert: sign(root, own.privateKey),
    async issue(subject) {
      const keys = await makeKeys();
      const certificate = unsigned(subject, keys.publicKey);
      certificate.setIssuer(root.subject.attributes);
      return { cert: sign(certificate, own.privateKey), key: keys.privateKey };
    },
  };
}

/** A self-signed certificate. */
export async function makeSelfSigned(subject: Subject): Promise<Certificate> {
  const keys = await makeKeys();
  const certificate = unsigned(subject, keys.publicKey);
  certificate.setIssuer(certificate.subject.attributes);
  return { cert: sign(certificate, keys.privateKey), key: keys.privateKey };
}
