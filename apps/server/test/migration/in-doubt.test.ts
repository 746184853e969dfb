import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type Fetch } from '@querator/client';
import { parseDuration, SystemRandom } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { JournalFault, JournalFile, type MoveReport, moveLive, moveStopped } from '@querator/migration';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { consumeAll, fillQueue, twoServers } from './support/two-servers.ts';

const NO_TIME = parseDuration('0s');

let folder = '';
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'in-doubt-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A queue of four items at the first of two servers, whose clock moves by hand. */
async function scene(api: 'v1' | 'v2' = 'v1') {
  const clock = new ManualClock();
  const servers = twoServers(api, clock);
  await servers.start();
  await fillQueue(servers.old, 'q', 2);
  return { clock, servers, file: join(folder, `${count++}.json`), waits: new Set<Promise<unknown>>() };
}

type Scene = Awaited<ReturnType<typeof scene>>;

function optionsOf({ clock, servers, file, waits }: Scene, fetch = servers.fetch) {
  const noted: Fetch = (url, init) => {
    const reply = fetch(url, init);
    return url.endsWith('/queue.lease') ? notedIn(waits, reply) : reply;
  };
  return {
    from: createClient({ endpoint: 'http://old', fetch: noted, clock }),
    to: createClient({ endpoint: 'http://new', fetch, clock }),
    ...{ clock, random: new SystemRandom(), queues: ['q'], window: '24h', follow: false, wait: NO_TIME },
    ...{ stop: new AbortController().signal, signal: new AbortController().signal },
    journal: new JournalFile(file, 'old -> new'),
    sleep: async () => {},
  };
}

function notedIn<T>(waits: Set<Promise<unknown>>, wait: Promise<T>): Promise<T> {
  waits.add(wait);
  return wait.finally(() => waits.delete(wait));
}

/** Lets the clock go on while the move waits for items, until it is over. Its files take no time. */
async function finish(
  { clock, waits }: Scene,
  move: Promise<MoveReport>,
  step: string = '2ms',
): Promise<MoveReport> {
  let isOver = false;
  void move
    .catch(() => {})
    .then(() => {
      isOver = true;
    });
  while (!isOver) {
    if (waits.size > 0) await clock.advance(step);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return move;
}

/** Runs a live move that is killed when its first batch is at the target, and not yet completed. */
async function killedInFlight(here: Scene): Promise<void> {
  await new Promise<void>((killed) => {
    const fetch: Fetch = async (url, init) => {
      const reply = await here.servers.fetch(url, init);
      if (!url.endsWith('/v2/items.import')) return reply;
      killed();
      return new Promise(() => {});
    };
    void moveLive(optionsOf(here, fetch));
  });
}

test('a live move that goes on in time leaves nothing in doubt', async () => {
  const here = await scene();
  await killedInFlight(here);
  const report = await finish(here, moveLive(optionsOf(here)));
  expect(report.inDoubt).toEqual([]);
  expect((await consumeNow(here)).toSorted()).toEqual(['0:0', '0:1', '1:0', '1:1']);
  await here.servers.stop();
});

test('a live move that goes on after its leases ended names the ids of its last batch', async () => {
  const here = await scene();
  await killedInFlight(here);
  const leased = await Promise.all(
    [0, 1].map(async (partition) => {
      const { items } = await here.servers.old.storage.itemsList({ queueName: 'q', partition });
      return { partition, ids: items.filter(({ isLeased }) => isLeased).map(({ id }) => id) };
    }),
  );
  const batch = leased.find(({ ids }) => ids.length > 0);
  expect(batch?.ids).toHaveLength(2);
  await here.clock.advance('2m');
  const report = await finish(here, moveLive(optionsOf(here)));
  expect(report.inDoubt).toEqual([{ queue: 'q', ...batch }]);
  // They came back at the source, and were moved once more.
  expect(await consumeNow(here)).toHaveLength(6);
  await here.servers.stop();
});

test('a live move waits for the leases that it held when it was killed', async () => {
  const here = await scene('v2');
  await killedInFlight(here);
  const report = await finish(here, moveLive(optionsOf(here)), '50ms');
  expect(report).toMatchObject({ inDoubt: [], queues: [{ left: 0 }] });
  expect((await consumeNow(here)).toSorted()).toEqual(['0:0', '0:1', '1:0', '1:1']);
  await here.servers.stop();
});

test('a live move waits for the leases of consumers, and for scheduled items, if it is told to', async () => {
  const here = await scene('v2');
  const { clock, servers } = here;
  const at = Number(clock.now() / 1_000_000n) + 30;
  const items = [{ utf8: 'soon', enqueueAt: { seconds: at, nanos: 0 } }];
  await servers.old.queue.produce({ queueName: 'q', requestTimeout: '5s', items });
  await servers.old.queue.lease({ queueName: 'q', clientId: 'c', batchSize: 1, requestTimeout: '5s' });
  const move = moveLive({ ...optionsOf(here), wait: parseDuration('5m') });
  expect((await finish(here, move, '50ms')).queues).toMatchObject([{ moved: 5, left: 0 }]);
  await servers.stop();
});

test('a live move of no queue ends, although it is to follow', async () => {
  const here = await scene('v2');
  await here.servers.old.queues.delete({ queueName: 'q', force: true });
  const options = { ...optionsOf(here), queues: [], follow: true };
  expect((await finish(here, moveLive(options))).queues).toEqual([]);
  await here.servers.stop();
});

test('a scheduled item that is due soon stays until it is available', async () => {
  const here = await scene();
  const { clock, servers } = here;
  const at = Number(clock.now() / 1_000_000n) + 30;
  const items = [{ utf8: 'soon', enqueueAt: { seconds: at, nanos: 0 } }];
  await servers.old.queue.produce({ queueName: 'q', requestTimeout: '5s', items });
  const stopped = optionsOf(here);
  expect((await moveStopped(stopped)).queues).toMatchObject([{ moved: 4, left: 1 }]);
  await clock.advance('31s');
  expect((await moveStopped(stopped)).queues).toMatchObject([{ moved: 1, left: 0 }]);
  expect(await consumeNow(here)).toHaveLength(5);
  await servers.stop();
});

test('the journal of another move is refused', async () => {
  const file = join(folder, 'other.json');
  const memory = { id: 'x', doubtful: ['a key'] };
  await new JournalFile(file, 'a -> b').write(memory);
  expect(await new JournalFile(file, 'a -> b').read()).toEqual(memory);
  const read = new JournalFile(file, 'a -> c').read();
  await expect(read).rejects.toThrow(`${file} belongs to the move a -> b; name another journal for this one`);
  await expect(read).rejects.toBeInstanceOf(JournalFault);
});

test('an item that the target had before is not deleted, unless the move left it in flight', async () => {
  const here = await scene('v2');
  const journal = new JournalFile(here.file, 'old -> new');
  const stopped = optionsOf(here);
  await journal.write({ id: 'again', doubtful: [] });
  await moveStopped(stopped);
  // The items come back to the source under their first ids, and so does the journal.
  const { items } = await here.servers.new.v2.items.export({ queueName: 'q', limit: 10 });
  await here.servers.old.v2.items.import({ queueName: 'q', items });
  await journal.write({ id: 'again', doubtful: [] });
  await expect(moveStopped(stopped)).rejects.toThrow(
    `the target had the item with the key 'migrate/again/${items[0]?.firstId}' before, and the source has it again`,
  );
  expect((await here.servers.old.v2.items.export({ queueName: 'q' })).items).toHaveLength(4);
  await here.servers.stop();
});

/** Consumes what waits at the target, while the clock goes on. */
async function consumeNow({ clock, servers }: Awaited<ReturnType<typeof scene>>): Promise<readonly string[]> {
  let isOver = false;
  const consumed = consumeAll(servers.new, 'q', '1s').finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await clock.advance('2ms');
    await new Promise((resolve) => setImmediate(resolve));
  }
  return consumed;
}
