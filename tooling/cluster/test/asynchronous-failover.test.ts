import { afterEach, expect, test } from 'vitest';
import { Keepsakes } from './failover/keepsakes.ts';
import { measured } from './failover/measured.ts';
import { READ_WRITE, Scene } from './failover/scene.ts';
import { Undone } from './failover/undone.ts';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

test('asynchronous: what the standby has not got is lost, and nothing else; nothing is stored twice or skipped for ever', async () => {
  scene = await Scene.open('asynchronous', READ_WRITE);
  const { pair, servers, load } = scene;
  const { books } = load;
  const [keepsakes, undone] = [new Keepsakes(servers), new Undone(servers)];
  await load.start(3);
  await load.more(2_000);
  await keepsakes.make(25);
  await undone.prepare();
  const { highestId } = books;
  const safeUntil = Date.now();
  await pair.caughtUp();
  // From here on the standby gets nothing: the loss is certain, and the ids of the primary run ahead.
  pair.link.blackHole();
  const { acknowledged } = books;
  await load.more(6_000);
  await undone.act();
  const atRisk = books.acknowledged - acknowledged;

  const killedAt = performance.now();
  await pair.first.crash();
  books.wentBack();
  await pair.promote();
  await load.more(200);
  // Ids may come again before those that were lost, never before those that are there.
  await keepsakes.check([highestId, books.highestId].sort().at(-1) ?? '');
  await undone.check();
  await load.more(2_800);
  await load.settle();

  const lost = books.missing();
  measured(
    `asynchronous, standby cut off, then primary killed: of about ${atRisk} items acknowledged meanwhile ` +
      `${lost.length} lost; ${books.completionsLost.length} completions lost, their items delivered again; ` +
      `no produce for ${load.gap('produce', killedAt)} ms, no complete for ${load.gap('complete', killedAt)} ms`,
  );
  expect(books.missing(safeUntil)).toEqual([]);
  expect(books.completionsLost.length).toBeGreaterThan(0);
  expect(books).toMatchObject({
    ...{ completedBefore: [], tooEarly: [], outOfOrder: [], sharedIds: [], invented: [] },
  });
  scene.expectServersAlive();
});
