import { afterEach, expect, test } from 'vitest';
import { FailoverFixture, READ_WRITE } from './failover/failover-fixture.ts';
import { KeptItems } from './failover/kept-items.ts';
import { LostChanges } from './failover/lost-changes.ts';
import { measured } from './measured.ts';

let fixture: FailoverFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

test('asynchronous: only changes that the standby lacks are lost; no item is stored twice or skipped for ever', async () => {
  fixture = await FailoverFixture.open('asynchronous', READ_WRITE);
  const { pair, servers, load } = fixture;
  const { ledger } = load;
  const [keptItems, lostChanges] = [new KeptItems(servers), new LostChanges(servers)];
  await load.createQueues();
  load.start(3);
  await load.more(2_000);
  await keptItems.make(25);
  await lostChanges.prepare();
  const { highestId } = ledger;
  const safeUntil = Date.now();
  await pair.caughtUp();
  // The standby gets nothing from here on, so that data are lost, and the ids of the primary run ahead.
  pair.link.blackHole();
  const { acknowledged } = ledger;
  await load.more(6_000);
  await lostChanges.act();
  const atRisk = ledger.acknowledged - acknowledged;

  const killedAt = performance.now();
  await pair.first.crash();
  ledger.wentBack();
  await pair.promote();
  await load.more(200);
  // Ids of lost items may occur again, but not those of existing items.
  await keptItems.check([highestId, ledger.highestId].sort().at(-1) ?? '');
  await lostChanges.check();
  await load.more(2_800);
  await load.settle();

  const lost = ledger.missing();
  measured(
    `asynchronous, standby cut off, then primary killed: of about ${atRisk} items acknowledged meanwhile ` +
      `${lost.length} lost; ${ledger.completionsLost.length} completions lost, their items delivered again; ` +
      `no produce for ${load.successes.gap('produce', killedAt)} ms, no complete for ${load.successes.gap('complete', killedAt)} ms`,
  );
  expect(ledger.missing(safeUntil)).toEqual([]);
  expect(ledger.completionsLost.length).toBeGreaterThan(0);
  expect(ledger).toMatchObject({
    ...{ completedBefore: [], tooEarly: [], outOfOrder: [], sharedIds: [], invented: [] },
  });
  fixture.expectServersAlive();
});
