import { expect, vi } from 'vitest';
import type { Answer, ServerProcess } from './server-process.ts';

/** A partition that is out of service is probed every few seconds. */
const PATIENCE = { timeout: 30_000, interval: 100 };

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

/** Leases up to ten items; waits for the first of them as long as a failover may take, and for what has to come due. */
export function lease(server: ServerProcess, queue_name: string): Promise<Answer['json']> {
  const request = { queue_name, client_id: 'keeper', batch_size: 10, request_timeout: '30s' };
  return server.ask('queue.lease', request);
}

/** Completes items of the only partition, again as long as the answer is to try again. */
export function complete(server: ServerProcess, queue_name: string, ids: readonly string[]): Promise<Answer> {
  const request = { queue_name, partition: 0, request_timeout: '10s', ids };
  return vi.waitFor(async () => {
    const answer = await server.post('queue.complete', request);
    expect(answer.status, answer.message).not.toBe(454);
    return answer;
  }, PATIENCE);
}

/** All that waits or is leased, oldest first. */
export function queued(
  server: ServerProcess,
  queue_name: string,
): Promise<readonly Record<string, string>[]> {
  const request = { queue_name, partition: 0 };
  return vi.waitFor(async () => (await server.ask('storage/items.list', request)).items ?? [], PATIENCE);
}

export const textsOf = (items: readonly Record<string, string>[]) =>
  items.map(({ bytes = '' }) => Buffer.from(bytes, 'base64').toString());

export const idsOf = (items: readonly Record<string, string>[]) => items.map(({ id = '' }) => id);
