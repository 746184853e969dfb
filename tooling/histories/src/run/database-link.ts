import { type FaultProxy, startFaultProxy } from '@querator/tooling-postgres';

/** The connections of one instance to all servers of its database. A fault affects all of them. */
export class DatabaseLink {
  readonly connectionString: string;
  readonly #proxies: readonly FaultProxy[];

  private constructor(proxies: readonly FaultProxy[]) {
    this.#proxies = proxies;
    this.connectionString = toAll(proxies.map(({ connectionString }) => connectionString));
  }

  /** @param servers the connection strings of the servers, with the same user, password and database. */
  static async open(servers: readonly string[]): Promise<DatabaseLink> {
    return new DatabaseLink(await Promise.all(servers.map(startFaultProxy)));
  }

  /** The connection string of another database of the servers. */
  to(database: string): string {
    return toAll(this.#proxies.map(({ connectionString }) => databaseOf(connectionString, database)));
  }

  /** Resets all connections. */
  cut(): void {
    for (const proxy of this.#proxies) proxy.cut();
  }

  /** From now on resets a connection when a server answers on it. */
  cutAtAnswers(): void {
    for (const proxy of this.#proxies) proxy.cutAtAnswers();
  }

  /** From now on drops all traffic without an error. */
  blackHole(): void {
    for (const proxy of this.#proxies) proxy.blackHole();
  }

  /** Ends all disturbances. */
  restore(): void {
    for (const proxy of this.#proxies) proxy.restore();
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
  }
}

/** The connection string of another database of a server. */
export function databaseOf(connectionString: string, name: string): string {
  const url = new URL(connectionString);
  url.pathname = `/${name}`;
  return url.href;
}

/** Several hosts in one connection string, as in docs/storage/high-availability.md. */
function toAll(servers: readonly string[]): string {
  const urls = servers.map((server) => new URL(server));
  const [first] = urls;
  if (first === undefined) throw new Error('a database has a server');
  if (urls.length === 1) return first.href;
  const hosts = urls.map(({ host }) => host).join(',');
  const { username, password, pathname } = first;
  return `postgres://${username}:${password}@${hosts}${pathname}?target_session_attrs=read-write`;
}
