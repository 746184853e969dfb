/** Where everything of a node lies, and what it is called. */
export interface NodePlace {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  /** Of Patroni's REST API. */
  readonly restPort: number;
}

/** What all nodes share. */
export interface ClusterSettings {
  readonly etcdPort: number;
  /** Of PostgreSQL's programs. */
  readonly programs: string;
  readonly user: string;
  readonly password: string;
}

export const SCOPE = 'querator';

/**
 * How soon a leader that is gone is replaced. `ttl` is the least that Patroni
 * takes; the other two obey `loop_wait + 2 * retry_timeout <= ttl`. As
 * docs/storage/high-availability.md has them.
 */
const TIMES = { ttl: 20, loop_wait: 1, retry_timeout: 9 } as const;

const REPLICATOR = 'replicator';

/** Patroni's settings of one node. JSON is YAML too. */
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
        // So that a small machine runs three of them.
        shared_buffers: '32MB',
        // No socket file: its path may be longer than the system allows, and the port does.
        unix_socket_directories: '',
        // Statements hold the payloads of items: they do not belong in a log.
        log_min_error_statement: 'panic',
        // A standby whose primary is new is back in less than the usual 5 s.
        wal_retrieve_retry_interval: '500ms',
      },
    },
  };
}

/** As docs/storage/high-availability.md has it, with a check every half a second. */
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
