import { expect } from 'vitest';
import type { Answer, ServerProcess } from './server-process.ts';

const textsOf = (items: readonly Record<string, string>[]) =>
  items.map(({ bytes = '' }) => Buffer.from(bytes, 'base64').toString());

/** Items in the states that a failover must keep, made before it and looked at after it. */
export class Keepsakes {
  readonly #servers: readonly [ServerProcess, ServerProcess];
  #held: Answer['json'];
  #runsOutAt = 0;
  #dueAt = 0;

  constructor(servers: readonly [ServerProcess, ServerProcess]) {
    this.#servers = servers;
  }

  async make(): Promise<void> {
    const [server] = this.#servers;
    await server.createQueue('ordered');
    await server.createQueue('held');
    await server.createQueue('running-out', { lease_timeout: '5s' });
    await server.createQueue('scheduled');
    await this.#produce('ordered', ['old 1', 'old 2']);
    await this.#produce('held', ['a', 'b']);
    await this.#produce('running-out', ['c']);
    this.#held = await this.#lease(server, 'held');
    const leased = await this.#lease(server, 'running-out');
    this.#runsOutAt = Date.parse(leased.items[0].lease_deadline);
    this.#dueAt = Date.now() + 5_000;
    await this.#produce('scheduled', ['d'], { enqueue_at: new Date(this.#dueAt).toISOString() });
  }

  /** @param highestId of all that any consumer has seen. */
  async check(highestId: string): Promise<void> {
    const [, other] = this.#servers;
    await this.#produce('ordered', ['new 1', 'new 2']);
    const { items } = await other.ask('storage/items.list', { queue_name: 'ordered', partition: 0 });
    const ids = items.map(({ id }: { id: string }) => id);
    expect(ids).toEqual([...new Set(ids)].sort());
    expect(ids[2] > highestId, `${ids[2]} after ${highestId}`).toBe(true);
    expect(textsOf((await this.#lease(other, 'ordered')).items)).toEqual([
      'old 1',
      'old 2',
      'new 1',
      'new 2',
    ]);
    // Leased at one before, completed at the other after.
    await other.ask('queue.complete', {
      ...{ queue_name: 'held', partition: 0, request_timeout: '10s' },
      ids: this.#held.items.map(({ id }: { id: string }) => id),
    });
    const again = await this.#lease(other, 'running-out');
    expect(Date.now()).toBeGreaterThanOrEqual(this.#runsOutAt);
    expect(textsOf(again.items)).toEqual(['c']);
    expect(again.items[0].attempts).toBe(2);
    expect(textsOf((await this.#lease(other, 'scheduled')).items)).toEqual(['d']);
    expect(Date.now()).toBeGreaterThanOrEqual(this.#dueAt);
  }

  #produce(queue_name: string, texts: readonly string[], rest: object = {}): Promise<Answer['json']> {
    const items = texts.map((utf8) => ({ utf8, ...rest }));
    return this.#servers[0].ask('queue.produce', { queue_name, request_timeout: '10s', items });
  }

  #lease(server: ServerProcess, queue_name: string): Promise<Answer['json']> {
    const request = { queue_name, client_id: 'keeper', batch_size: 10, request_timeout: '30s' };
    return server.ask('queue.lease', request);
  }
}
