import { afterEach, test } from 'vitest';
import { Keepsakes } from './failover/keepsakes.ts';
import { READ_WRITE, Scene } from './failover/scene.ts';
import { measured } from './measured.ts';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

test('synchronous: the primary is killed under load, the standby promoted; nothing acknowledged is lost or doubled', async () => {
  scene = await Scene.open('synchronous', READ_WRITE);
  const { pair, servers, load } = scene;
  const keepsakes = new Keepsakes(servers);
  await load.start(3);
  await load.more(1_500);
  await keepsakes.make(5);
  await load.more(500);

  const killedAt = performance.now();
  await pair.first.crash();
  await pair.promote();
  const promotedAt = performance.now();
  await load.more(500);
  await keepsakes.check(load.ledger.highestId);
  await load.more(500);
  await load.settle();

  const { ledger } = load;
  measured(
    `synchronous, primary killed: ${ledger.acknowledged} items acknowledged, ${ledger.unknown} unknown; ` +
      `promoted after ${Math.round(promotedAt - killedAt)} ms; no produce for ${load.gap('produce', killedAt)} ms, ` +
      `no complete for ${load.gap('complete', killedAt)} ms`,
  );
  scene.expectNothingLostOrDoubled();
});
