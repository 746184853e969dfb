import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Certificate } from './certificates.ts';
import type { Cluster } from './cluster.ts';
import { startTemporaryCluster } from './temporary-cluster.ts';

/** A PostgreSQL whose certificates and access rules can change while it runs. */
export interface TlsServer {
  readonly cluster: Cluster;
  /** Enables TLS with this certificate. Clients' certificates must be signed by `clientCa`. */
  encrypt(certificate: Certificate, clientCa: string): Promise<void>;
  /** Disables TLS. */
  doWithout(): Promise<void>;
  /** Sets the lines of pg_hba.conf. */
  allow(...rules: readonly string[]): Promise<void>;
  /** Writes a file for clients. @returns its path. */
  file(name: string, text: string): string;
  stop(): Promise<void>;
}

/** Starts it without TLS. */
export async function startTlsServer(): Promise<TlsServer> {
  const cluster = await startTemporaryCluster({
    volatile: true,
    settings: { listen_addresses: '127.0.0.1,::1' },
  });
  const files = mkdtempSync(join(tmpdir(), 'querator-tls-'));
  const pgdata = join(cluster.dataDir, 'pgdata');
  const { uid, gid } = statSync(pgdata);
  const admin = new pg.Client({ connectionString: cluster.connectionString() });
  await admin.connect();

  const place = (name: string, text: string) => {
    const path = join(pgdata, name);
    writeFileSync(path, text, { mode: 0o600 });
    chownSync(path, uid, gid);
  };
  /**
   * Counts reloads. The postmaster does not, so that a setting without effect shows
   * when a reload is complete.
   */
  let reloads = 0;
  const reload = async () => {
    const mark = `reload ${++reloads} `;
    // A setting of PostgreSQL: before version 17 ALTER SYSTEM accepts no others.
    await admin.query(`ALTER SYSTEM SET log_line_prefix = '${mark}'`);
    await admin.query('SELECT pg_reload_conf()');
    for (;;) {
      const { rows } = await admin.query(`SELECT current_setting('log_line_prefix') AS mark`);
      if (rows[0].mark === mark) return;
    }
  };
  return {
    cluster,
    async encrypt({ cert, key }, clientCa) {
      place('server.crt', cert);
      place('server.key', key);
      place('root.crt', clientCa);
      await admin.query(`ALTER SYSTEM SET ssl_ca_file = 'root.crt'`);
      await admin.query('ALTER SYSTEM SET ssl = on');
      await reload();
    },
    async doWithout() {
      await admin.query('ALTER SYSTEM SET ssl = off');
      await reload();
    },
    async allow(...rules) {
      place('pg_hba.conf', `${rules.join('\n')}\n`);
      await reload();
    },
    file(name, text) {
      const path = join(files, name);
      writeFileSync(path, text);
      return path;
    },
    async stop() {
      await admin.end();
      await cluster.stop();
      rmSync(files, { recursive: true });
    },
  };
}
