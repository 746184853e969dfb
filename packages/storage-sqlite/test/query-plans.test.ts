import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Instant, parseDuration } from '@querator/core';
import { expect, test } from 'vitest';
import { Connection, type Value } from '../src/file/connection.ts';
import { Partitions } from '../src/file/partitions.ts';
import { Sequence } from '../src/file/sequence.ts';
import { ITEM_CALLS } from '../src/items/item-calls.ts';
import { pack } from '../src/messages/packed-payloads.ts';
import { MOVE_CALLS } from '../src/moves/move-calls.ts';
import { newFolder, openBackend } from './support/new-folder.ts';

/** Records the statements that calls run. */
class RecordingConnection extends Connection {
  readonly texts = new Set<string>();

  override all<Row>(sql: string, ...values: readonly Value[]): Row[] {
    this.texts.add(sql);
    return super.all(sql, ...values);
  }

  override each<Row>(sql: string, ...values: readonly Value[]): IterableIterator<Row> {
    this.texts.add(sql);
    return super.each(sql, ...values);
  }

  override get<Row>(sql: string, ...values: readonly Value[]): Row | undefined {
    this.texts.add(sql);
    return super.get(sql, ...values);
  }

  override run(sql: string, ...values: readonly Value[]): number {
    this.texts.add(sql);
    return super.run(sql, ...values);
  }
}

const key = { queue: 'mail', partition: 0 };
const now = 1_000_000_000n as Instant;
const timeout = parseDuration('1h');
const item = { encoding: '', kind: '', reference: '', payload: new Uint8Array(3) };

/** Calls of producers, consumers and sweeps, and pages of lists and searches. */
function useAll(connection: Connection): void {
  const transaction = {
    ...{ connection, now, lineage: '' },
    partitions: new Partitions(connection),
    sequence: new Sequence(connection, 'seed'),
  };
  const produced = { items: pack([item, item]), requests: [{ count: 2, returnIds: true }] };
  ITEM_CALLS.produce(transaction, { key, ...produced, expireTimeout: timeout });
  const requests = [{ items: pack([item]), groups: [{ key: 'k', count: 1 }], window: timeout }];
  ITEM_CALLS.produceKeyed(transaction, { key, requests, expireTimeout: timeout, newKeys: 'store' });
  const leased = ITEM_CALLS.lease(transaction, { key, batch: { limit: 5, leaseTimeout: timeout } });
  const [first = '', second = '', third = ''] = leased.items.map(({ id }) => id);
  ITEM_CALLS.complete(transaction, { key, requests: [{ ids: [first] }] });
  ITEM_CALLS.extend(transaction, { key, items: [{ id: second, leaseTimeout: timeout }] });
  const rules = { maxAttempts: 0, dead: 'move' } as const;
  ITEM_CALLS.retry(transaction, { key, requests: [{ items: [{ id: second, dead: true }] }], rules });
  ITEM_CALLS.release(transaction, { key, ids: [third] });
  const request = { ...rules, limit: 10, claimTimeout: timeout };
  ITEM_CALLS.sweep(transaction, { key, request });
  ITEM_CALLS.sweepKeys(transaction, { key, limit: 10 });
  const carried = ITEM_CALLS.readKeys(transaction, { key, request: { after: undefined, limit: 10 } });
  ITEM_CALLS.storeKeys(transaction, { key, keys: carried.keys, keySpread: 0 });
  ITEM_CALLS.markMoved(transaction, { key, ids: [second] });
  ITEM_CALLS.removeMoving(transaction, { key, ids: [second] });
  const timeouts = { expireTimeout: timeout, autoCommitTimeout: timeout };
  ITEM_CALLS.prepareLetters(transaction, { key, letters: pack([{ ...item, sourceId: first }]), timeouts });
  ITEM_CALLS.commitLetters(transaction, { key, sourceIds: [first] });
  for (const state of ['queued', 'scheduled', 'prepared'] as const) {
    ITEM_CALLS.list(transaction, { key, request: { state, pivot: '', limit: 10 } });
  }
  ITEM_CALLS.find(transaction, { key, request: { filter: {}, limit: 10 } });
  ITEM_CALLS.takenItems(transaction, { key, task: 't', limit: 10 });
  const claim = { task: 't', generation: 1 };
  MOVE_CALLS.beginMove(transaction, { key, claim, end: 'source' });
  MOVE_CALLS.readMovingItems(transaction, { key, claim, before: undefined, limit: 10 });
  MOVE_CALLS.readMovingKeys(transaction, { key, claim, after: undefined, limit: 10 });
  ITEM_CALLS.produceKeyed(transaction, {
    ...{ key, expireTimeout: timeout, newKeys: 'store' },
    requests: [{ ...requests[0], groups: [{ key: 'k2', count: 1 }] } as (typeof requests)[0]],
  });
  const { entries } = MOVE_CALLS.readChanges(transaction, { key, claim, limit: 10 });
  MOVE_CALLS.settleChanges(transaction, { key, claim, entries });
  MOVE_CALLS.endMove(transaction, { key, claim });
  ITEM_CALLS.dropEmpty(transaction, { key });
}

test('no call on items reads a table or sorts, with and without statistics', async () => {
  const path = join(await newFolder(), 'queues.db');
  await openBackend(path).partitionStore(key).probe();
  const connection = new RecordingConnection(path);
  useAll(connection);
  expect(connection.texts.size).toBeGreaterThan(20);
  for (const statistics of ['', 'analyze']) {
    connection.exec(statistics);
    const file = new DatabaseSync(path);
    for (const text of connection.texts) {
      const plan = file.prepare(`explain query plan ${text}`).all() as { detail: string }[];
      const slow = plan.filter(({ detail }) =>
        /^SCAN (items|keys|partitions|changes)\b|TEMP B-TREE/.test(detail),
      );
      expect(slow, text).toEqual([]);
    }
    file.close();
  }
  connection.close();
});
