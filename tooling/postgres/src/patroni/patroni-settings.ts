/** The name, folders and ports of a node. */
export interface NodePlace {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  /** Of Patroni's REST API. */
  readonly restPort: number;
}

/** The settings that all nodes share. */
export interface ClusterSettings {
  readonly etcdPort: number;
  /** Of PostgreSQL's programs. */
  readonly programs: string;
  readonly user: string;
  readonly password: string;
}

export const SCOPE = 'querator';

/**
 * The times of a leader's replacement, as in docs/storage/high-availability.md.
 * `ttl` is Patroni's minimum; the other two satisfy `loop_wait + 2 * retry_timeout
 * <= ttl`.
 */
const TIMES = { ttl: 20, loop_wait: 1, retry_timeout: 9 } as const;

const REPLICATOR = 'replicator';

/** Patroni's settings of one node. JSON is a subset of YAML. */
export function patroniSettings(place: NodePlace, { etcdPort, programs, user, password }: ClusterSettings) {
  const { name, folder, port, restPort } = place;
  const here = (number: number) => `127.0.0.1:${number}`;
  return {
    scope: SCOPE,
    name,
    restapi: { listen: here(restPort), connect_address: here(restPort) },
    etcd3: { hosts: [here(etcdPort)] },
    bootstrap: {
      dcs: {
        ...TIMES,
        synchronous_mode: true,
        postgresql: {
          use_pg_rewind: true,
          use_slots: true,
          parameters: {
            wal_level: 'replica',
            wal_log_hints: 'on',
            hot_standby: 'on',
            max_wal_senders: 10,
            max_replication_slots: 10,
            max_connections: 60,
            max_worker_processes: 8,
          },
        },
      },
      initdb: [{ encoding: 'UTF8' }, { locale: 'C' }, 'data-checksums'],
      pg_hba: ['host all all 127.0.0.1/32 scram-sha-256', 'host replication all 127.0.0.1/32 scram-sha-256'],
    },
    postgresql: {
      listen: here(port),
      connect_address: here(port),
      data_dir: `${folder}/data`,
      bin_dir: programs,
      pgpass: `${folder}/pgpass`,
      authentication: {
        superuser: { username: user, password },
        replication: { username: REPLICATOR, password },
        rewind: { username: user, password },
      },
      basebackup: { checkpoint: 'fast' },
      parameters: {
        // Small, so that a small machine can run three nodes.
        shared_buffers: '32MB',
        // No socket file, since its path may exceed the system's limit.
        unix_socket_directories: '',
        // Statements contain payloads, which must not be logged.
        log_min_error_statement: 'panic',
        // A standby reconnects to a new primary sooner than after the default of 5 s.
        wal_retrieve_retry_interval: '500ms',
      },
    },
  };
}

/** As in docs/storage/high-availability.md, with a check every 0.5 s. */
export function haproxySettings(port: number, nodes: readonly NodePlace[]): string {
  const servers = nodes.map(
    ({ name, port: at, restPort }) => `    server ${name} 127.0.0.1:${at} maxconn 100 check port ${restPort}`,
  );
  return `global
    maxconn 500
defaults
    mode tcp
    retries 2
    timeout connect 1s
    timeout client 30m
    timeout server 30m
    timeout check 1s
listen primary
    bind 127.0.0.1:${port}
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
${servers.join('\n')}
`;
}
