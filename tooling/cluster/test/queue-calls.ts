import type { Answer, ServerProcess } from '@querator/tooling-processes';
import { expect, vi } from 'vitest';

/** A partition that is out of service is probed every few seconds. */
const WITHIN = { timeout: 30_000, interval: 100 };

/** Items as a reply of the server contains them. */
export type Items = readonly Readonly<Record<string, string>>[];

/** Produces items, which must be acknowledged. */
export function produce(
  server: ServerProcess,
  queue_name: string,
  texts: readonly string[],
  rest: object = {},
): Promise<Answer['json']> {
  const items = texts.map((utf8) => ({ utf8, ...rest }));
  return server.ask('queue.produce', { queue_name, request_timeout: '10s', items });
}

/** Leases items; the first of them may take as long as a failover, a schedule or a lease. */
export async function lease(server: ServerProcess, queue_name: string, batch_size = 10): Promise<Items> {
  const request = { queue_name, client_id: 'consumer', batch_size, request_timeout: '30s' };
  return (await server.ask('queue.lease', request)).items;
}

/** Completes items of partition 0, again as long as the answer is to try again. */
export function complete(server: ServerProcess, queue_name: string, ids: readonly string[]): Promise<Answer> {
  const request = { queue_name, partition: 0, request_timeout: '10s', ids };
  return vi.waitFor(async () => {
    const answer = await server.post('queue.complete', request);
    expect(answer.status, answer.message).not.toBe(454);
    return answer;
  }, WITHIN);
}

/** All waiting and leased items, oldest first. */
export function queued(server: ServerProcess, queue_name: string): Promise<Items> {
  const request = { queue_name, partition: 0 };
  return vi.waitFor(async () => (await server.ask('storage/items.list', request)).items ?? [], WITHIN);
}

/** Waits until a consumer waits for items of the queue at this server. */
export async function consumerWaits(server: ServerProcess, queue_name: string): Promise<void> {
  await vi.waitFor(async () => {
    const { logicalQueues } = await server.ask('queue.stats', { queue_name });
    expect(Number(logicalQueues[0]?.lease_waiting ?? 0)).toBeGreaterThan(0);
  }, WITHIN);
}

export const textsOf = (items: Items) =>
  items.map(({ bytes = '' }) => Buffer.from(bytes, 'base64').toString());

export const idsOf = (items: Items) => items.map(({ id = '' }) => id);
