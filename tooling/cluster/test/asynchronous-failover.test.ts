import { afterEach, expect, test } from 'vitest';
import { Keepsakes } from './failover/keepsakes.ts';
import { READ_WRITE, Scene } from './failover/scene.ts';
import { Undone } from './failover/undone.ts';
import { measured } from './measured.ts';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

test('asynchronous: what the standby has not got is lost, and nothing else; nothing is stored twice or skipped for ever', async () => {
  scene = await Scene.open('asynchronous', READ_WRITE);
  const { pair, servers, load } = scene;
  const { ledger } = load;
  const [keepsakes, undone] = [new Keepsakes(servers), new Undone(servers)];
  await load.start(3);
  await load.more(2_000);
  await keepsakes.make(25);
  await undone.prepare();
  const { highestId } = ledger;
  const safeUntil = Date.now();
  await pair.caughtUp();
  // From here on the standby gets nothing: the loss is certain, and the ids of the primary run ahead.
  pair.link.blackHole();
  const { acknowledged } = ledger;
  await load.more(6_000);
  await undone.act();
  const atRisk = ledger.acknowledged - acknowledged;

  const killedAt = performance.now();
  await pair.first.crash();
  ledger.wentBack();
  await pair.promote();
  await load.more(200);
  // Ids may come again before those that were lost, never before those that are there.
  await keepsakes.check([highestId, ledger.highestId].sort().at(-1) ?? '');
  await undone.check();
  await load.more(2_800);
  await load.settle();

  const lost = ledger.missing();
  measured(
    `asynchronous, standby cut off, then primary killed: of about ${atRisk} items acknowledged meanwhile ` +
      `${lost.length} lost; ${ledger.completionsLost.length} completions lost, their items delivered again; ` +
      `no produce for ${load.gap('produce', killedAt)} ms, no complete for ${load.gap('complete', killedAt)} ms`,
  );
  expect(ledger.missing(safeUntil)).toEqual([]);
  expect(ledger.completionsLost.length).toBeGreaterThan(0);
  expect(ledger).toMatchObject({
    ...{ completedBefore: [], tooEarly: [], outOfOrder: [], sharedIds: [], invented: [] },
  });
  scene.expectServersAlive();
});
