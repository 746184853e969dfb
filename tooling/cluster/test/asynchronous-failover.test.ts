import { afterEach, expect, test } from 'vitest';
import { measured } from './failover/measured.ts';
import { READ_WRITE, Scene } from './failover/scene.ts';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

test('asynchronous: what the standby has not got is lost, and nothing else; nothing is stored twice or skipped for ever', async () => {
  scene = await Scene.open('asynchronous', READ_WRITE);
  const { pair, load } = scene;
  const { books } = load;
  await load.start(3);
  await load.more(2_000);
  const safeUntil = Date.now();
  await pair.caughtUp();
  // From here on the standby gets nothing: the loss is certain, and the ids of the primary run ahead.
  pair.link.blackHole();
  const { acknowledged } = books;
  await load.more(6_000);
  const atRisk = books.acknowledged - acknowledged;

  const killedAt = performance.now();
  await pair.first.crash();
  books.wentBack();
  await pair.promote();
  await load.more(3_000);
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
