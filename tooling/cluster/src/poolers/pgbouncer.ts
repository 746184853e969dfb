import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '@querator/tooling-postgres';
import { poolerProgram } from '@querator/tooling-postgres/debian';
import pg from 'pg';
import { documented, PoolerProcess } from './pooler-process.ts';

/** The options of a PgBouncer. */
export interface PgBouncerOptions {
  readonly mode: 'session' | 'transaction';
  /** Server sessions per user and database. */
  readonly poolSize: number;
  /** More lines for its configuration. */
  readonly extra?: readonly string[];
}

const CONFIG = 'pgbouncer.ini';
/** The route to all databases. */
const destination = (port: number) => `* = host=127.0.0.1 port=${port}`;

/** A PgBouncer in front of all databases of a cluster. */
export class PgBouncer {
  readonly process: PoolerProcess;

  private constructor(process: PoolerProcess) {
    this.process = process;
  }

  static async start(cluster: Cluster, { mode, poolSize, extra = [] }: PgBouncerOptions): Promise<PgBouncer> {
    const { username, password } = new URL(cluster.connectionString());
    const process = await PoolerProcess.start(cluster, {
      program: poolerProgram('pgbouncer'),
      files: ({ folder, port }) => {
        const own = { listen_port: port, auth_file: `${folder}/userlist.txt`, admin_users: username };
        const example = documented(CONFIG, {
          ...{ pool_mode: mode, default_pool_size: poolSize, ...own },
        });
        const text = example.replace(/^querator = .*$/m, destination(cluster.port));
        const lines = ['unix_socket_dir =', ...extra];
        return {
          [CONFIG]: `${text}${lines.join('\n')}\n`,
          'userlist.txt': `"${username}" "${password}"\n`,
        };
      },
      args: (folder) => [`${folder}/${CONFIG}`],
    });
    return new PgBouncer(process);
  }

  /** Sets another server of this machine in the configuration file. It takes effect with RELOAD. */
  pointTo(port: number): void {
    const path = join(this.process.folder, CONFIG);
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^\* = .*$/m, destination(port)));
  }

  /** Runs a command in its console. */
  async run(command: 'RELOAD' | 'RECONNECT'): Promise<void> {
    const operator = new pg.Client(this.process.connectionString('pgbouncer'));
    await operator.connect();
    try {
      await operator.query(command);
    } finally {
      await operator.end();
    }
  }

  stop(): Promise<void> {
    return this.process.stop();
  }
}
