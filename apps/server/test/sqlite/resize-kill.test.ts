import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '@querator/core/testing';
import { ServerProcess } from '@querator/tooling-processes';
import { expect, onTestFinished, test, vi } from 'vitest';

const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** How often the queue gets fewer partitions. Each time, the server is killed, which costs 5 s of waiting. */
const ROUNDS = Number(process.env['QUERATOR_RESIZES'] ?? 1);
/** The resize moves the items of all but one, in a step for each. */
const PARTITIONS = 12;

/** Takes all items of the queue. */
async function takeAll(server: ServerProcess): Promise<string[]> {
  const taken: string[] = [];
  for (;;) {
    const call = { queue_name: 'mail', client_id: 'me', batch_size: 1_000, request_timeout: '1s' };
    const { status, json } = await server.post('queue.lease', call);
    if (status !== 200) return taken;
    const { partition = 0, items } = json;
    taken.push(...items.map(({ bytes }: { bytes: string }) => Buffer.from(bytes, 'base64').toString()));
    const ids = items.map(({ id }: { id: string }) => id);
    await server.ask('queue.complete', { queue_name: 'mail', partition, ids, request_timeout: '10s' });
  }
}

test(`a resize that moves items loses and doubles none if its server on SQLite is killed (seed ${SEED})`, {
  timeout: 60_000 + ROUNDS * 60_000,
}, async () => {
  const random = new SeededRandom(SEED);
  const folder = await mkdtemp(join(tmpdir(), 'querator-resize-'));
  const server = await ServerProcess.start({ storage: join(folder, 'queues.db') });
  onTestFinished(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });
  await server.createQueue('mail', { requested_partitions: PARTITIONS });
  const resize = async (partitions: number, move: boolean) =>
    (await server.ask('../v2/queues.resize', { queue_name: 'mail', partitions, move }))['id'];
  const ended = (id: string) =>
    vi.waitFor(
      async () => expect(await server.ask('../v2/tasks.get', { id })).toMatchObject({ state: 'done' }),
      { timeout: 30_000, interval: 50 },
    );
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) await ended(await resize(PARTITIONS, false));
    const texts = Array.from({ length: 10 * PARTITIONS }, (_, n) => `${round} ${n}`);
    for (let n = 0; n < texts.length; n += 5) {
      const items = texts.slice(n, n + 5).map((utf8) => ({ utf8 }));
      await server.ask('queue.produce', { queue_name: 'mail', request_timeout: '10s', items });
    }
    const id = await resize(1, true);
    const begun = async () =>
      expect((await server.ask('../v2/tasks.get', { id }))['done']).toBeGreaterThan(0);
    await vi.waitFor(begun, { timeout: 30_000, interval: 1 });
    await delay(random.fraction() * 25);
    await server.kill();
    await server.start();
    await ended(id);
    const { partitions } = await server.ask('../v2/queues.describe', { queue_name: 'mail' });
    expect(partitions).toHaveLength(1);
    expect((await takeAll(server)).sort()).toEqual(texts.sort());
  }
});
