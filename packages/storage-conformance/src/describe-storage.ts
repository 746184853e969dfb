import process from 'node:process';
import { afterAll, beforeAll, describe } from 'vitest';
import { describeAccessChanges } from './contract/access-changes.ts';
import { describeAccessGrants } from './contract/access-grants.ts';
import { describeAccessLists } from './contract/access-lists.ts';
import { describeAccessQuotas } from './contract/access-quotas.ts';
import { describeAccessRecords } from './contract/access-records.ts';
import { describeAuditEvents } from './contract/audit-events.ts';
import { describeAuditPruning } from './contract/audit-pruning.ts';
import { describeAuditedChanges } from './contract/audited-changes.ts';
import { describeCommitLetters } from './contract/commit-letters.ts';
import { describeComplete } from './contract/complete.ts';
import { describeConcurrency } from './contract/concurrency.ts';
import { describeContent } from './contract/content.ts';
import { describeCosts } from './contract/costs.ts';
import { describeDelete } from './contract/delete.ts';
import { describeDeletedQueues } from './contract/deleted-queues.ts';
import { describeEmptyPartitions } from './contract/empty-partitions.ts';
import { describeExtend } from './contract/extend.ts';
import { describeFind } from './contract/find.ts';
import { describeRandomFinds } from './contract/find-random.ts';
import { describeImport } from './contract/import.ts';
import { describeInstanceRecords } from './contract/instance-records.ts';
import { describeItemDetails } from './contract/item-details.ts';
import { describeItemIds } from './contract/item-ids.ts';
import { describeKeyFences } from './contract/key-fences.ts';
import { describeKeyedImport } from './contract/keyed-import.ts';
import { describeKeyedProduce } from './contract/keyed-produce.ts';
import { describeKeyedProduceAndLease } from './contract/keyed-produce-and-lease.ts';
import { describeKeys } from './contract/keys.ts';
import { describeLease } from './contract/lease.ts';
import { describeLetterConcurrency } from './contract/letter-concurrency.ts';
import { describeLifecycle } from './contract/lifecycle.ts';
import { describeList } from './contract/list.ts';
import { describeMakeDue } from './contract/make-due.ts';
import { describeMeasure } from './contract/measure.ts';
import { describeMoveEnds } from './contract/move-ends.ts';
import { describeMoved } from './contract/moved.ts';
import { describeMoves } from './contract/moves.ts';
import { describeOutcomes } from './contract/outcomes.ts';
import { describeOwner } from './contract/owner.ts';
import { describePauses } from './contract/pauses.ts';
import { describePlacing } from './contract/placing.ts';
import { describePoll } from './contract/poll.ts';
import { describePrepareLetters } from './contract/prepare-letters.ts';
import { describeProbe } from './contract/probe.ts';
import { describeProcesses } from './contract/processes.ts';
import { describeProduce } from './contract/produce.ts';
import { describeProduceAndLease } from './contract/produce-and-lease.ts';
import { describeQueueNamespaces } from './contract/queue-namespaces.ts';
import { describeQueueRelations } from './contract/queue-relations.ts';
import { describeQueueStore } from './contract/queue-store.ts';
import { describeRates } from './contract/rates.ts';
import { describeResizing } from './contract/resizing.ts';
import { describeRetry } from './contract/retry.ts';
import { describeRetryDeath } from './contract/retry-death.ts';
import { describeScheduleClaims } from './contract/schedule-claims.ts';
import { describeScheduleRecords } from './contract/schedule-records.ts';
import { describeStats } from './contract/stats.ts';
import { describeSweepDeath } from './contract/sweep-death.ts';
import { describeSweepDue } from './contract/sweep-due.ts';
import { describeSweepLease } from './contract/sweep-lease.ts';
import { describeSweepSchedule } from './contract/sweep-schedule.ts';
import { describeTakenItems } from './contract/taken-items.ts';
import { describeTakenSchedules } from './contract/taken-schedules.ts';
import { describeTaskClaims } from './contract/task-claims.ts';
import { describeTaskRecords } from './contract/task-records.ts';
import { describeTransfer } from './contract/transfer.ts';
import { describeRandomTransfers } from './contract/transfer-random.ts';
import type { StorageSetup } from './fixture/storage-setup.ts';
import { makeStorageTest } from './fixture/storage-test.ts';
import { describeModel } from './model/describe-model.ts';

/** Enough for a storage on a slow disk, on a busy machine. */
const TEST_TIMEOUT_MS = 60_000;

/**
 * Declares the contract suite for one driver. Call it at the top of a test file.
 * It tests all ports completely.
 *
 * @param makeSetup runs once, before the first test.
 */
export function describeStorage(name: string, makeSetup: () => StorageSetup | Promise<StorageSetup>): void {
  describe(`storage contract: ${name}`, { timeout: TEST_TIMEOUT_MS }, () => {
    let setup: StorageSetup | undefined;
    const theSetup = () => {
      if (setup === undefined) throw new Error('the setup did not finish');
      return setup;
    };
    beforeAll(async () => {
      setup = await makeSetup();
    }, TEST_TIMEOUT_MS);
    const test = makeStorageTest(theSetup);
    afterAll(async () => {
      process.stdout.write(test.skipped.report(`storage contract: ${name}`));
      await setup?.dispose?.();
    }, TEST_TIMEOUT_MS);

    describeQueueStore(test);
    describeQueueRelations(test);
    describePauses(test);
    describeResizing(test);
    describeKeyFences(test);
    describePlacing(test);
    describeDeletedQueues(test);
    describeEmptyPartitions(test);
    describeItemIds(test);
    describeContent(test);
    describeProduce(test);
    describeProduceAndLease(test);
    describeKeyedProduce(test);
    describeKeyedProduceAndLease(test);
    describeKeys(test);
    describeLease(test);
    describeComplete(test);
    describeExtend(test);
    describeRetry(test);
    describeRetryDeath(test);
    describeItemDetails(test);
    describeList(test);
    describeFind(test);
    describeRandomFinds(test);
    describeStats(test);
    describeMeasure(test);
    describeProbe(test);
    describeImport(test);
    describeKeyedImport(test);
    describeDelete(test);
    describeMakeDue(test);
    describeSweepSchedule(test);
    describeSweepLease(test);
    describeSweepDeath(test);
    describeSweepDue(test);
    describeMoved(test);
    describePrepareLetters(test);
    describeCommitLetters(test);
    describeTransfer(test);
    describeTakenItems(test);
    describeTakenSchedules(test);
    describeRandomTransfers(test);
    describeMoves(test);
    describeMoveEnds(test);
    describeConcurrency(test);
    describeLetterConcurrency(test);
    describeLifecycle(test);
    describeQueueNamespaces(test);
    describeAccessRecords(test);
    describeAccessLists(test);
    describeAccessChanges(test);
    describeAccessGrants(test);
    describeAccessQuotas(test);
    describeInstanceRecords(test);
    describeRates(test);
    describeScheduleRecords(test);
    describeScheduleClaims(test);
    describeTaskRecords(test);
    describeTaskClaims(test);
    describeAuditEvents(test);
    describeAuditPruning(test);
    describeAuditedChanges(test);
    describePoll(test);
    describeOwner(test);
    describeOutcomes(test);
    describeProcesses(test);
    describeCosts(test);
    describeModel(theSetup);
  });
}
