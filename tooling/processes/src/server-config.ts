import { isAbsolute } from 'node:path';

/** The name of the storage of the items. Another process that serves the same queues has to use it too. */
export const ITEMS_STORAGE = 'items';

/** Storage of a server: nothing is memory, a string that of queues and items: an absolute path SQLite, else PostgreSQL. */
export type ServerStorage = undefined | string | { readonly queues: string; readonly items: string };

export interface ServerConfigOptions {
  readonly storage?: ServerStorage;
  /** Connection strings of further storages of items by name. They take no new partitions. */
  readonly further?: Readonly<Record<string, string>> | undefined;
  /** What is not usual about storages of items, by name. */
  readonly placing?:
    | Readonly<Record<string, { readonly affinity: number; readonly drain?: boolean }>>
    | undefined;
  readonly port: number;
  readonly maxConns?: number | undefined;
  /** Switches access control on, with this key of the first administrator. */
  readonly adminKey?: string | undefined;
  /** Whether the table of audit events is kept. */
  readonly audit?: boolean | undefined;
  readonly logLevel?: 'info' | 'warn' | 'error' | undefined;
  /** The connection string of a database with an outbox, whose rows the server moves. */
  readonly outbox?: string | undefined;
}

/** The text of a server's configuration file. It contains the passwords of its connection strings. */
export function serverConfig({
  storage,
  further = {},
  placing = {},
  port,
  maxConns = 5,
  logLevel = 'info',
  adminKey,
  audit,
  outbox,
}: ServerConfigOptions): string {
  const { queues, items } = typeof storage === 'object' ? storage : { queues: storage, items: storage };
  const on = (place: string | undefined) => {
    if (place === undefined) return { driver: 'memory' };
    if (isAbsolute(place)) return { driver: 'sqlite', config: { path: place } };
    return { driver: 'postgres', config: { 'connection-string': place, 'max-conns': maxConns } };
  };
  // JSON is a subset of YAML.
  return JSON.stringify({
    address: `127.0.0.1:${port}`,
    logging: { handler: 'json', level: logLevel },
    'queue-storage': on(queues),
    'partition-storage': [
      { name: ITEMS_STORAGE, ...on(items), ...placing[ITEMS_STORAGE] },
      ...Object.entries(further).map(([name, string]) => ({
        ...{ name, affinity: 0, ...on(string) },
        ...placing[name],
      })),
    ],
    ...(adminKey === undefined ? {} : { 'auth-backend': { driver: 'internal', 'admin-key': adminKey } }),
    ...(audit ? { audit: { table: true } } : {}),
    ...(outbox === undefined ? {} : { outbox: [{ 'connection-string': outbox }] }),
  });
}
