import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, type Certificate, makeAuthority } from '@querator/tooling-postgres/tls';

const NAMES = ['localhost', '127.0.0.1'];

/** A folder with the TLS files of a server, signed by an authority of its own. */
export class TlsFolder {
  readonly folder: string;
  readonly authority: Authority;
  readonly cert: string;
  readonly key: string;
  readonly ca: string;

  private constructor(folder: string, authority: Authority) {
    this.folder = folder;
    this.authority = authority;
    this.cert = join(folder, 'server.crt');
    this.key = join(folder, 'server.key');
    this.ca = join(folder, 'ca.crt');
  }

  static async create(): Promise<TlsFolder> {
    const folder = await mkdtemp(join(tmpdir(), 'querator-tls-'));
    const created = new TlsFolder(folder, await makeAuthority('Test CA'));
    await writeFile(created.ca, created.authority.cert);
    await created.install(await created.issue('first'));
    return created;
  }

  /** A certificate for the names of the test server. */
  issue(commonName: string, expired = false): Promise<Certificate> {
    return this.authority.issue({ commonName, names: NAMES, expired });
  }

  /** Replaces the server's certificate and key, as tools that renew certificates do. */
  async install({ cert, key }: Certificate): Promise<void> {
    await this.replace(this.cert, cert);
    await this.replace(this.key, key);
  }

  async replace(file: string, contents: string): Promise<void> {
    await writeFile(`${file}.new`, contents);
    await rename(`${file}.new`, file);
  }

  /** The settings of the configuration file. */
  get settings(): { readonly cert: string; readonly key: string } {
    return { cert: this.cert, key: this.key };
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}
