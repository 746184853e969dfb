import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';

const POOL_SIZE = 10;

function write(file: string, text: string): void {
  const draft = `${file}.new`;
  writeFileSync(draft, text, { mode: 0o600 });
  // The mode above only applies to a new file.
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}

/** Writes the config file of the embedded PostgreSQL: queues and partitions in one database. */
export function writePostgresConfig(file: string, connectionString: string): void {
  const quoted = JSON.stringify(connectionString);
  write(
    file,
    `# Written by npm start at every start. It holds the password of the embedded database.
queue-storage:
  driver: postgres
  config:
    connection-string: ${quoted}
    max-conns: ${POOL_SIZE}

partition-storage:
  - name: postgres-01
    driver: postgres
    affinity: 1
    config:
      connection-string: ${quoted}
      max-conns: ${POOL_SIZE}
`,
  );
}

/** Writes the config file of the embedded default: queues and partitions in one file of SQLite, in an existing folder. */
export function writeSqliteConfig(file: string, folder: string): void {
  write(
    file,
    `# Written by npm start at every start.
partition-storage:
  - name: sqlite-01
    driver: sqlite
    affinity: 1
    config:
      path: ${JSON.stringify(folder)}
`,
  );
}

/** The address in a config file, if it has one. The server checks all other settings. */
export function addressIn(file: string): string | undefined {
  try {
    const { address } = (parse(readFileSync(file, 'utf8')) ?? {}) as { address?: unknown };
    return typeof address === 'string' ? address : undefined;
  } catch {
    return undefined;
  }
}
