import { afterEach, describe, expect, test, vi } from 'vitest';
import type { RawReply } from '../support/test-server.ts';
import { ServerProcesses } from './support/server-processes.ts';

/**
 * The documented time is a second. Servers that listen also poll every 7 s, which
 * may show one change in time by chance, and not two in a row.
 */
const PATIENCE = { timeout: 5_000, interval: 20 };
const [HERE, THERE] = [0, 1];
/** How often the queue is deleted and created again. */
const ROUNDS = 2;

let both: ServerProcesses | undefined;

afterEach(() => both?.stop());

/** The documented errors of a request while its queue is deleted and created again. */
function isDocumented(reply: RawReply | undefined): boolean {
  if (reply === undefined) return false;
  const { status, json } = reply;
  if (status === 400) return json.message === "queue does not exist; no such queue named 'q'";
  if (status === 453) return json.message === 'queue is shutting down';
  return status === 200 || status === 454;
}

describe.each([
  { what: 'with LISTEN', maxConns: 5 },
  // A pool of one connection has none for LISTEN.
  { what: 'without LISTEN', maxConns: 1 },
])('settings of two instances $what', { timeout: 90_000 }, ({ maxConns }) => {
  const queue = { lease_timeout: '1h', expire_timeout: '24h', requested_partitions: 1 };

  test('a change at one instance applies at the other, and requests meanwhile get documented replies', async () => {
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
    /** Produces at the other instance all the time. `made` is the queue of this name that certainly existed. */
    const acknowledged: { text: string; made: number }[] = [];
    /** Refused produces that began when the queue existed. */
    const refused: { reply: RawReply | undefined; made: number }[] = [];
    let made = -1;
    let running = true;
    const gapProducer = (async () => {
      for (let n = 0; running; n++) {
        const [text, madeBefore] = [`item ${n}`, made];
        const reply = await produce(text);
        replies.push(reply);
        if (reply?.status === 200) acknowledged.push({ text, made: madeBefore });
        else refused.push({ reply, made: madeBefore });
      }
    })();
    const more = async () => {
      const before = acknowledged.length;
      await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + 5), PATIENCE);
    };
    let beforeDeletion: ReadonlySet<string> = new Set();
    /** The queue has all items acknowledged since its creation, and none of an earlier queue, at every instance. */
    const checkStored = async (partitions: number) => {
      const known = [...acknowledged];
      const stored = new Set<string>();
      for (let partition = 0; partition < partitions; partition++) {
        const page = { queue_name: 'q', partition, limit: 10_000 };
        const { json } = await servers.ask(HERE, 'storage/items.list', page);
        for (const { payload } of json.items ?? []) stored.add(Buffer.from(payload, 'base64').toString());
      }
      expect(known.filter((item) => item.made === made && !stored.has(item.text))).toEqual([]);
      expect([...beforeDeletion].filter((text) => stored.has(text))).toEqual([]);
    };

    await servers.ask(HERE, 'queues.create', { queue_name: 'q', ...queue });
    made = 0;
    expect((await produce('created'))?.status).toBe(200);

    for (const minutes of [30, 1]) {
      await servers.ask(HERE, 'queues.update', { queue_name: 'q', lease_timeout: `${minutes}m` });
      await vi.waitFor(async () => {
        const reply = await lease();
        replies.push(reply);
        const left = Date.parse(reply?.json.items[0].lease_deadline) - Date.now();
        expect(left).toBeLessThan(minutes * 60_000 + 1_000);
      }, PATIENCE);
    }
    await more();
    // An update loses no item and refuses no produce.
    expect(refused.filter((each) => each.made === 0)).toEqual([]);
    await checkStored(1);

    for (let round = 1; round <= ROUNDS; round++) {
      beforeDeletion = new Set(acknowledged.map(({ text }) => text));
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
      await more();
      await checkStored(round + 1);
      expect(refused.filter((each) => each.made === round).length).toBeLessThanOrEqual(1);
    }
    running = false;
    await gapProducer;
    expect(replies.filter((reply) => !isDocumented(reply)).map((reply) => reply?.text)).toEqual([]);
    await checkStored(ROUNDS + 1);

    await servers.ask(HERE, 'queues.delete', { queue_name: 'q' });
    await vi.waitFor(async () => expect((await produce('late'))?.text).toContain('no such queue'), PATIENCE);
  });

  test('a pause at one instance applies at the other, and so does its end', async () => {
    both = await ServerProcesses.start({ count: 2, maxConns });
    const servers = both;
    const produce = () =>
      servers.post(THERE, 'queue.produce', {
        ...{ queue_name: 'q', request_timeout: '5s', items: [{ utf8: 'x' }] },
      });
    await servers.ask(HERE, 'queues.create', { queue_name: 'q', ...queue });
    expect((await produce())?.status).toBe(200);
    const change = (verb: 'pause' | 'resume') =>
      servers.ask(HERE, `../v2/queues.${verb}`, { queue_name: 'q', produce: true });
    for (let round = 0; round < ROUNDS; round++) {
      await change('pause');
      await vi.waitFor(async () => expect((await produce())?.text).toContain('queue is paused'), PATIENCE);
      await change('resume');
      await vi.waitFor(async () => expect((await produce())?.status).toBe(200), PATIENCE);
    }
  });
});
