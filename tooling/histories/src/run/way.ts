import { type FaultProxy, startFaultProxy } from '@querator/tooling-postgres';

/** The way of one instance to all servers of its database: what happens to it happens to all of it. */
export class Way {
  readonly connectionString: string;
  readonly #proxies: readonly FaultProxy[];

  private constructor(proxies: readonly FaultProxy[]) {
    this.#proxies = proxies;
    this.connectionString = toAll(proxies.map(({ connectionString }) => connectionString));
  }

  /** @param servers the connection strings of the servers: one user, one password, one database. */
  static async open(servers: readonly string[]): Promise<Way> {
    return new Way(await Promise.all(servers.map(startFaultProxy)));
  }

  /** Resets all connections. */
  cut(): void {
    for (const proxy of this.#proxies) proxy.cut();
  }

  /** From now on a connection on which a server answers is reset instead. */
  cutAtAnswers(): void {
    for (const proxy of this.#proxies) proxy.cutAtAnswers();
  }

  /** From now on nothing gets through, and nobody is told. */
  blackHole(): void {
    for (const proxy of this.#proxies) proxy.blackHole();
  }

  /** Lets everything through again. */
  restore(): void {
    for (const proxy of this.#proxies) proxy.restore();
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
  }
}

/** Several hosts as docs/storage/high-availability.md has them. */
function toAll(servers: readonly string[]): string {
  const urls = servers.map((server) => new URL(server));
  const [first] = urls;
  if (first === undefined) throw new Error('a database has a server');
  if (urls.length === 1) return first.href;
  const hosts = urls.map(({ host }) => host).join(',');
  const { username, password, pathname } = first;
  return `postgres://${username}:${password}@${hosts}${pathname}?target_session_attrs=read-write`;
}
