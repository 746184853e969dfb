import { afterEach, describe, expect, test, vi } from 'vitest';
import type { RawReply } from '../support/test-server.ts';
import { ServerProcesses } from './support/server-processes.ts';

/** More than any machine needs that is not overloaded; the documented time is a second. */
const PATIENCE = { timeout: 20_000, interval: 20 };
const [HERE, THERE] = [0, 1];
/** How often the queue is deleted and made anew. */
const ROUNDS = 2;

let both: ServerProcesses | undefined;

afterEach(() => both?.stop());

/** What a request may be answered while its queue is deleted and made anew: all of it is documented. */
function isDocumented(reply: RawReply | undefined): boolean {
  if (reply === undefined) return false;
  const { status, text } = reply;
  if (status === 200) return true;
  if (status === 400) return /no such queue named|does not exist|is not a valid partition/.test(text);
  if (status === 453) return /queue is shutting down/.test(text);
  return status === 454;
}

describe.each([
  { what: 'with LISTEN', maxConns: 5 },
  // A pool of one connection has none to spare.
  { what: 'without LISTEN', maxConns: 1 },
])('settings of two instances $what', { timeout: 90_000 }, ({ maxConns }) => {
  const queue = { lease_timeout: '1h', expire_timeout: '24h', requested_partitions: 1 };

  test('what is done to a queue at one is so at the other, and requests in between are answered properly', async () => {
    both = await ServerProcesses.start({ count: 2, maxConns });
    const servers = both;
    const produce = (text: string) =>
      servers.post(THERE, 'queue.produce', {
        ...{ queue_name: 'q', request_timeout: '5s', items: [{ utf8: text }] },
      });
    const lease = () =>
      servers.post(THERE, 'queue.lease', {
        ...{ queue_name: 'q', batch_size: 1, client_id: `${Math.random()}`, request_timeout: '5s' },
      });
    const replies: (RawReply | undefined)[] = [];
    /** Produces at the other instance all the time. `made`: which of the queues of this name was there for sure. */
    const acknowledged: { text: string; made: number }[] = [];
    let made = 0;
    let running = true;
    const gapProducer = (async () => {
      for (let n = 0; running; n++) {
        const [text, madeBefore] = [`item ${n}`, made];
        const reply = await produce(text);
        replies.push(reply);
        if (reply?.status === 200) acknowledged.push({ text, made: madeBefore });
      }
    })();

    await servers.ask(HERE, 'queues.create', { queue_name: 'q', ...queue });
    expect((await produce('created'))?.status).toBe(200);

    await servers.ask(HERE, 'queues.update', { queue_name: 'q', lease_timeout: '1m' });
    await vi.waitFor(async () => {
      const reply = await lease();
      replies.push(reply);
      expect(Date.parse(reply?.json.items[0].lease_deadline) - Date.now()).toBeLessThan(61_000);
    }, PATIENCE);

    for (let round = 1; round <= ROUNDS; round++) {
      await servers.ask(HERE, 'queues.delete', { queue_name: 'q' });
      await servers.ask(HERE, 'queues.create', {
        queue_name: 'q',
        ...queue,
        requested_partitions: round + 1,
      });
      made = round;
      await vi.waitFor(async () => {
        const stats = await servers.post(THERE, 'queue.stats', { queue_name: 'q' });
        replies.push(stats);
        expect(stats?.json.logicalQueues?.[0].partitions).toHaveLength(round + 1);
      }, PATIENCE);
      const before = acknowledged.length;
      await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + 5), PATIENCE);
    }
    running = false;
    await gapProducer;
    expect(replies.filter((reply) => !isDocumented(reply)).map((reply) => reply?.text)).toEqual([]);

    // What was acknowledged after the last queue was there is in it, wherever it was produced.
    const stored = new Set<string>();
    for (let partition = 0; partition < ROUNDS + 1; partition++) {
      const page = { queue_name: 'q', partition, limit: 10_000 };
      const { json } = await servers.ask(HERE, 'storage/items.list', page);
      for (const { payload } of json.items ?? []) stored.add(Buffer.from(payload, 'base64').toString());
    }
    const lost = acknowledged.filter((item) => item.made === ROUNDS && !stored.has(item.text));
    expect(lost).toEqual([]);

    await servers.ask(HERE, 'queues.delete', { queue_name: 'q' });
    await vi.waitFor(async () => expect((await produce('late'))?.text).toContain('no such queue'), PATIENCE);
  });
});
