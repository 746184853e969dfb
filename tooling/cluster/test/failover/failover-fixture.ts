import { Load } from '@querator/tooling-load';
import { ReplicatedPair } from '@querator/tooling-postgres/debian';
import { ServerProcess } from '@querator/tooling-processes';
import { expect } from 'vitest';

/** The most connections that a server opens. */
export const MAX_CONNS = 8;

/** Both hosts in the connection string, as docs/storage/high-availability.md recommends. */
export const READ_WRITE = (pair: ReplicatedPair) => pair.connectionString('target_session_attrs=read-write');

/** A replicated database, two Querator servers on it, and a load for them. */
export class FailoverFixture {
  readonly pair: ReplicatedPair;
  readonly servers: readonly [ServerProcess, ServerProcess];
  readonly load: Load;
  readonly #others: ServerProcess[] = [];

  private constructor(pair: ReplicatedPair, servers: readonly [ServerProcess, ServerProcess]) {
    this.pair = pair;
    this.servers = servers;
    this.load = new Load(servers);
  }

  /** @param address makes the connection string of the Querator servers. */
  static async open(
    mode: 'synchronous' | 'asynchronous',
    address: (pair: ReplicatedPair) => string | Promise<string>,
  ): Promise<FailoverFixture> {
    const pair = await ReplicatedPair.start(mode);
    const begun: ServerProcess[] = [];
    try {
      const storage = await address(pair);
      const start = async () => {
        const server = await ServerProcess.start({ storage, maxConns: MAX_CONNS });
        begun.push(server);
        return server;
      };
      return new FailoverFixture(pair, [await start(), await start()]);
    } catch (error) {
      for (const server of begun) await server.stop();
      await pair.stop();
      throw error;
    }
  }

  /** One more server. */
  async startAnother(storage: string): Promise<ServerProcess> {
    const server = await ServerProcess.start({ storage, maxConns: MAX_CONNS });
    this.#others.push(server);
    return server;
  }

  /** Call it when the load is settled. */
  expectNothingLostOrDoubled(): void {
    expect(this.load.ledger.faults()).toEqual([]);
    this.expectServersAlive();
  }

  expectServersAlive(): void {
    for (const server of this.servers) expect(server.ended, server.log).toBe(false);
  }

  async close(): Promise<void> {
    for (const server of [...this.servers, ...this.#others]) await server.stop();
    await this.pair.stop();
  }
}
