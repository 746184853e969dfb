import type { ServerProcess } from '@querator/tooling-processes';
import { expect } from 'vitest';
import { complete, idsOf, lease, produce, queued, textsOf } from '../queue-calls.ts';

/** Acknowledged changes that the standby never received. After the failover they must not have any effect. */
export class LostChanges {
  readonly #servers: readonly [ServerProcess, ServerProcess];
  #leased: readonly string[] = [];
  #completed: readonly string[] = [];
  #delayed: readonly string[] = [];
  #gone: readonly string[] = [];

  constructor(servers: readonly [ServerProcess, ServerProcess]) {
    this.#servers = servers;
  }

  /** Call it while the standby follows. */
  async prepare(): Promise<void> {
    const [server] = this.#servers;
    for (const queue of ['leased', 'completed', 'delayed', 'gone']) await server.createQueue(queue);
    await produce(server, 'leased', ['a']);
    await produce(server, 'completed', ['b']);
    await produce(server, 'delayed', ['c']);
    this.#completed = idsOf(await lease(server, 'completed'));
    this.#delayed = idsOf(await lease(server, 'delayed'));
  }

  /** Call it while the standby does not follow. */
  async act(): Promise<void> {
    const [server] = this.#servers;
    this.#leased = idsOf(await lease(server, 'leased'));
    expect(await complete(server, 'completed', this.#completed)).toMatchObject({ status: 200 });
    const retry_at = new Date(Date.now() + 3_600_000).toISOString();
    const items = this.#delayed.map((id) => ({ id, retry_at }));
    await server.ask('queue.retry', { queue_name: 'delayed', partition: 0, items });
    await produce(server, 'gone', ['d', 'e']);
    this.#gone = idsOf(await queued(server, 'gone'));
    expect(this.#gone).toHaveLength(2);
  }

  /** Call it at the new primary. */
  async check(): Promise<void> {
    const [server, other] = this.#servers;
    // The item is free again under the same id. A consumer that leased it before may complete it once.
    const items = await lease(other, 'leased');
    expect(idsOf(items)).toEqual(this.#leased);
    expect(items[0]?.['attempts']).toBe(1);
    await this.#completeOnce('leased', this.#leased);
    // Both are leased as before: neither completed nor retried.
    await this.#completeOnce('completed', this.#completed);
    await this.#completeOnce('delayed', this.#delayed);
    // Their ids are invalid, also after other items have arrived.
    expect(await queued(other, 'gone')).toEqual([]);
    expect(await complete(server, 'gone', this.#gone)).toMatchObject({ status: 400 });
    await produce(server, 'gone', ['f', 'g']);
    const after = await lease(other, 'gone');
    expect(textsOf(after)).toEqual(['f', 'g']);
    expect(idsOf(after).filter((id) => this.#gone.includes(id))).toEqual([]);
  }

  async #completeOnce(queue: string, ids: readonly string[]): Promise<void> {
    const [server, other] = this.#servers;
    expect(await complete(server, queue, ids)).toMatchObject({ status: 200 });
    expect(await complete(other, queue, ids)).toMatchObject({
      ...{ status: 400, message: expect.stringContaining('does not exist') },
    });
    expect(await queued(other, queue)).toEqual([]);
  }
}
