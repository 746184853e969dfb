import type { Cluster } from '@querator/tooling-postgres';
import { poolerProgram } from '@querator/tooling-postgres/debian';
import { documented, PoolerProcess } from './pooler-process.ts';

/** How a PgBouncer is to be. */
export interface PgBouncerOptions {
  readonly mode: 'session' | 'transaction';
  /** Sessions of the server for each user and database. */
  readonly poolSize: number;
  /** Further lines of its configuration. */
  readonly extra?: readonly string[];
}

/** A PgBouncer before all databases of a cluster. */
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
        const own = { listen_port: port, auth_file: `${folder}/userlist.txt` };
        const example = documented('pgbouncer.ini', {
          ...{ pool_mode: mode, default_pool_size: poolSize, ...own },
        });
        const text = example.replace(/^querator = .*$/m, `* = host=127.0.0.1 port=${cluster.port}`);
        const lines = ['unix_socket_dir =', ...extra];
        return {
          'pgbouncer.ini': `${text}${lines.join('\n')}\n`,
          'userlist.txt': `"${username}" "${password}"\n`,
        };
      },
      args: (folder) => [`${folder}/pgbouncer.ini`],
    });
    return new PgBouncer(process);
  }

  stop(): Promise<void> {
    return this.process.stop();
  }
}
