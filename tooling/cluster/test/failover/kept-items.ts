import type { ServerProcess } from '@querator/tooling-processes';
import { expect } from 'vitest';
import { complete, idsOf, lease, produce, queued, textsOf } from '../queue-calls.ts';

/** Items in all states that a failover must preserve. They are made before it and checked after it. */
export class KeptItems {
  readonly #servers: readonly [ServerProcess, ServerProcess];
  #held: readonly string[] = [];
  #runsOutAt = 0;
  #dueAt = 0;

  constructor(servers: readonly [ServerProcess, ServerProcess]) {
    this.#servers = servers;
  }

  /** @param seconds until a lease ends and a scheduled item is due; both should be after the failover. */
  async make(seconds: number): Promise<void> {
    const [server] = this.#servers;
    await server.createQueue('ordered');
    await server.createQueue('held');
    await server.createQueue('running-out', { lease_timeout: `${seconds}s` });
    await server.createQueue('scheduled');
    await produce(server, 'ordered', ['old 1', 'old 2']);
    await produce(server, 'held', ['a', 'b']);
    await produce(server, 'running-out', ['c']);
    this.#held = idsOf(await lease(server, 'held'));
    const [leased] = await lease(server, 'running-out');
    this.#runsOutAt = Date.parse(leased?.['lease_deadline'] ?? '');
    this.#dueAt = Date.now() + seconds * 1_000;
    await produce(server, 'scheduled', ['d'], { enqueue_at: new Date(this.#dueAt).toISOString() });
  }

  /** @param highestId the highest delivered id that the failover has preserved. */
  async check(highestId: string): Promise<void> {
    const [server, other] = this.#servers;
    await produce(server, 'ordered', ['new 1', 'new 2']);
    const ids = idsOf(await queued(other, 'ordered'));
    expect(ids).toEqual([...new Set(ids)].sort());
    expect((ids[2] ?? '') > highestId, `${ids[2]} after ${highestId}`).toBe(true);
    expect(textsOf(await lease(other, 'ordered'))).toEqual(['old 1', 'old 2', 'new 1', 'new 2']);
    // Leased at one server before the failover, completed at the other after it.
    expect(await complete(other, 'held', this.#held)).toMatchObject({ status: 200 });
    const again = await lease(other, 'running-out');
    expect(Date.now()).toBeGreaterThanOrEqual(this.#runsOutAt);
    expect(textsOf(again)).toEqual(['c']);
    expect(again[0]?.['attempts']).toBe(2);
    expect(textsOf(await lease(other, 'scheduled'))).toEqual(['d']);
    expect(Date.now()).toBeGreaterThanOrEqual(this.#dueAt);
  }
}
