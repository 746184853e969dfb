import type { Cluster } from '@querator/tooling-postgres';
import { poolerProgram } from '@querator/tooling-postgres/debian';
import { freePort } from '@querator/tooling-processes';
import { documented, PoolerProcess } from './pooler-process.ts';

/** Starts a pgpool-II in front of all databases of a cluster. */
export async function startPgpool(cluster: Cluster, mode = 'streaming_replication'): Promise<PoolerProcess> {
  const pcpPort = await freePort();
  const { username, password } = new URL(cluster.connectionString());
  return await PoolerProcess.start(cluster, {
    program: poolerProgram('pgpool'),
    files: ({ folder, port }) => ({
      'pgpool.conf': [
        documented('pgpool.conf', {
          ...{ port, backend_port0: cluster.port, backend_clustering_mode: `'${mode}'` },
        }),
        `unix_socket_directories = '${folder}/run'`,
        `pcp_socket_dir = '${folder}/run'`,
        `pcp_port = ${pcpPort}`,
        `pid_file_name = '${folder}/run/pgpool.pid'`,
        `work_dir = '${folder}/run'`,
        `logdir = '${folder}/run'`,
        '',
      ].join('\n'),
      'pool_hba.conf': 'host all all 127.0.0.1/32 scram-sha-256\n',
      pool_passwd: `${username}:TEXT${password}\n`,
      'pcp.conf': '',
    }),
    args: (folder) => [
      ...['-n', '-D', '-f', `${folder}/pgpool.conf`, '-a', `${folder}/pool_hba.conf`],
      ...['-F', `${folder}/pcp.conf`],
    ],
  });
}
