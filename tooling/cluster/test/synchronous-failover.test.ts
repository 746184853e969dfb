import { afterEach, test } from 'vitest';
import { FailoverFixture, READ_WRITE } from './failover/failover-fixture.ts';
import { KeptItems } from './failover/kept-items.ts';
import { measured } from './measured.ts';

let fixture: FailoverFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

test('synchronous: the primary is killed under load, the standby promoted; no acknowledged item is lost or duplicated', async () => {
  fixture = await FailoverFixture.open('synchronous', READ_WRITE);
  const { pair, servers, load } = fixture;
  const keptItems = new KeptItems(servers);
  await load.createQueues();
  load.start(3);
  await load.more(1_500);
  await keptItems.make(5);
  await load.more(500);

  const killedAt = performance.now();
  await pair.first.crash();
  await pair.promote();
  const promotedAt = performance.now();
  await load.more(500);
  await keptItems.check(load.ledger.highestId);
  await load.more(500);
  await load.settle();

  const { ledger } = load;
  measured(
    `synchronous, primary killed: ${ledger.acknowledged} items acknowledged, ${ledger.unknown} unknown; ` +
      `promoted after ${Math.round(promotedAt - killedAt)} ms; no produce for ${load.successes.gap('produce', killedAt)} ms, ` +
      `no complete for ${load.successes.gap('complete', killedAt)} ms`,
  );
  fixture.expectNothingLostOrDoubled();
});
