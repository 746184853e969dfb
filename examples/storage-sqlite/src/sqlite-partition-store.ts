import {
  ATTEMPTS_MAX,
  addDuration,
  type ClearRequest,
  type Clock,
  type CompleteRequest,
  type DeadLetter,
  type DeathRules,
  type Duration,
  type ExtendedItem,
  expireDeadlineFrom,
  type ImportedItem,
  type Instant,
  type ItemId,
  type ItemListRequest,
  itemNotLeased,
  itemScheduled,
  type LeaseAction,
  type LeaseBatch,
  type LeasedItem,
  type LetterTimeouts,
  type MarkResult,
  metadataUnavailable,
  noSuchItem,
  type Outcome,
  type PartitionOwner,
  type PartitionStats,
  type PartitionStore,
  type ProbeResult,
  type ProduceRequest,
  type ProduceResult,
  type QueueError,
  type Random,
  type RetriedItem,
  type RetryRequest,
  type RetryResult,
  SCHEDULE_THRESHOLD,
  StorageError,
  type StoredItem,
  type SweepRequest,
  type SweepResult,
  toMicroseconds,
} from '@querator/core';
import type { Connection } from './connection.ts';
import type { Database } from './database.ts';
import { deleteOrSetAside, isUsedUp } from './death.ts';
import { type ItemState, isMoving, itemOf } from './item-row.ts';
import { Ownership } from './partition-owner.ts';
import { partitionStats } from './partition-stats.ts';
import { PartitionTable } from './partition-table.ts';
import { sweep } from './sweep.ts';

/** The parts of a partition's store. */
export interface PartitionStoreOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  /** Identifies its items: the same for the same queue and number, and different for all others. */
  readonly partition: string;
  /** The queue of the partition. Undefined: any. */
  readonly owner: PartitionOwner | undefined;
}

const QUEUED: readonly ItemState[] = ['waiting', 'leased', 'moving', 'moved'];
const EVERY_STATE: readonly ItemState[] = [...QUEUED, 'scheduled', 'prepared'];
/** A partition has changed hands in between this often at most. */
const CLAIM_ATTEMPTS = 3;
const METADATA_FAULT = 'this driver keeps none';
const KEEPS_NO_METADATA: Outcome<never> = { ok: false, error: metadataUnavailable(METADATA_FAULT) };
/** Earlier than every claim: the next sweep may report the item. */
const UNCLAIMED = 0n;

type IfOwn = <T>(
  work: (connection: Connection) => T,
) => (connection: Connection) => { readonly value: T } | undefined;

/** One partition of a queue. Every batch is one transaction, its requests one after the other. */
export class SqlitePartitionStore implements PartitionStore {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #partition: string;
  readonly #ownership: Ownership | undefined;

  constructor({ database, clock, random, partition, owner }: PartitionStoreOptions) {
    this.#database = database;
    this.#clock = clock;
    this.#random = random;
    this.#partition = partition;
    this.#ownership = owner && new Ownership(database, partition, owner);
  }

  produce(
    requests: readonly ProduceRequest[],
    expireTimeout: Duration,
  ): Promise<readonly Outcome<ProduceResult>[]> {
    return this.#change((table, now) =>
      requests.map(({ items, returnIds }) => {
        if (items.some(({ metadata }) => metadata !== undefined)) return KEEPS_NO_METADATA;
        const produced = { waiting: 0, scheduled: 0 };
        const ids: ItemId[] = [];
        for (const item of items) {
          const enqueueAt = isSchedule(item.enqueueAt, now) ? item.enqueueAt : undefined;
          produced[enqueueAt === undefined ? 'waiting' : 'scheduled']++;
          const expireDeadline = expireDeadlineFrom(enqueueAt ?? now, expireTimeout);
          const fresh = { enqueueAt, expireDeadline, isLeased: false, attempts: 0, maxAttempts: 0 };
          const row = table.add({ ...item, ...fresh }, now, expireTimeout);
          if (row !== undefined) ids.push(row.id);
        }
        return { ok: true, value: returnIds === true ? { ...produced, ids } : produced };
      }),
    );
  }

  lease({ limit, leaseTimeout }: LeaseBatch): Promise<readonly LeasedItem[]> {
    return this.#change((table, now) => {
      const leaseDeadline = addDuration(now, leaseTimeout);
      return table.waiting(limit).map((row) => {
        const attempts = Math.min(Number(row.attempts), ATTEMPTS_MAX - 1) + 1;
        table.lease(row.id, attempts, leaseDeadline);
        return { ...itemOf(row), attempts, leaseDeadline };
      });
    });
  }

  release(ids: readonly ItemId[]): Promise<number> {
    return this.#change((table) => ids.filter((id) => table.release(id)).length);
  }

  complete(requests: readonly CompleteRequest[]): Promise<readonly Outcome<void>[]> {
    return this.#change((table) =>
      requests.map(({ ids }) => {
        const error = firstFault(table, ids, 'completed');
        if (error !== undefined) return { ok: false, error };
        for (const id of ids) table.remove(id);
        return { ok: true, value: undefined };
      }),
    );
  }

  extend(items: readonly ExtendedItem[]): Promise<readonly Outcome<Instant>[]> {
    return this.#change((table, now) =>
      items.map(({ id, leaseTimeout, maxHold }) => {
        if (maxHold !== undefined) return KEEPS_NO_METADATA;
        const error = firstFault(table, [id], 'extended');
        if (error !== undefined) return { ok: false, error };
        const leaseDeadline = addDuration(now, leaseTimeout);
        table.setAside(id, 'leased', leaseDeadline);
        return { ok: true, value: leaseDeadline };
      }),
    );
  }

  retry(requests: readonly RetryRequest[], rules: DeathRules): Promise<readonly Outcome<RetryResult>[]> {
    return this.#change((table, now) =>
      requests.map(({ items }) => {
        if (items.some((item) => item.error !== undefined)) return KEEPS_NO_METADATA;
        const ids = items.map((item) => item.id);
        const error = firstFault(table, ids, 'retried');
        if (error !== undefined) return { ok: false, error };
        const result = { waiting: 0, scheduled: 0, moving: 0, deleted: 0 };
        for (const item of items) result[giveBack(table, item, rules, now)]++;
        return { ok: true, value: result };
      }),
    );
  }

  list({ state, pivot, limit, maxBytes }: ItemListRequest): Promise<readonly StoredItem[]> {
    const states: readonly ItemState[] = state === 'queued' ? QUEUED : [state];
    return this.#read((connection) =>
      this.#table(connection).page(states, pivot, limit, maxBytes).map(itemOf),
    );
  }

  stats(): Promise<PartitionStats> {
    return this.#read((connection) => partitionStats(connection, this.#partition, this.#clock.now()));
  }

  /** Takes the write lock, which fails for a file that cannot be written. */
  async probe(): Promise<ProbeResult> {
    await this.#change((table) => table.find(''));
    return { metadataFault: METADATA_FAULT };
  }

  import(
    items: readonly ImportedItem[],
    expireTimeout: Duration,
  ): Promise<readonly (StoredItem | undefined)[]> {
    return this.#change((table, now) =>
      items.map((item) => {
        const row = table.add(item, now, expireTimeout);
        return row && itemOf(row);
      }),
    );
  }

  delete(ids: readonly ItemId[]): Promise<number> {
    return this.#change((table) => ids.filter((id) => table.remove(id)).length);
  }

  clear({ waiting, leased, scheduled }: ClearRequest): Promise<number> {
    const states: ItemState[] = [];
    if (waiting) states.push('waiting');
    if (leased) states.push('leased', 'prepared', 'moving', 'moved');
    if (scheduled) states.push('scheduled');
    return this.#change((table) => table.clear(states));
  }

  sweep(request: SweepRequest): Promise<SweepResult> {
    return this.#change((table, now) => sweep(table, request, now));
  }

  markMoved(ids: readonly ItemId[]): Promise<MarkResult> {
    return this.#change((table) => {
      const named = [...new Set(ids)];
      const markedBefore = named.filter((id) => table.find(id)?.state === 'moved');
      return { marked: named.filter((id) => table.markMoved(id)), markedBefore };
    });
  }

  async remove(ids: readonly ItemId[]): Promise<void> {
    await this.#change((table) => {
      for (const id of ids) if (isMoving(table.find(id)?.state)) table.remove(id);
    });
  }

  async prepareLetters(
    letters: readonly DeadLetter[],
    { expireTimeout, autoCommitTimeout }: LetterTimeouts,
  ): Promise<void> {
    await this.#change((table, now) => {
      const leaseDeadline = addDuration(now, autoCommitTimeout);
      const prepared = { isLeased: true, leaseDeadline, attempts: 0, maxAttempts: 0 };
      for (const { sourceId, encoding, kind, reference, payload } of letters) {
        table.add(
          { sourceId, encoding, kind, reference, payload, ...prepared },
          now,
          expireTimeout,
          'prepared',
        );
      }
    });
  }

  commitLetters(sourceIds: readonly ItemId[]): Promise<number> {
    return this.#change((table) => {
      const prepared = table.prepared(sourceIds);
      for (const id of prepared) table.requeue(id);
      return prepared.length;
    });
  }

  abortLetters(sourceIds: readonly ItemId[]): Promise<number> {
    return this.#change((table) => table.prepared(sourceIds).filter((id) => table.remove(id)).length);
  }

  async drop(): Promise<void> {
    await this.#database.transaction((connection) => {
      // The items of another queue of the name are not this store's.
      if (this.#ownership?.isOwn(connection) === false) return;
      this.#table(connection).clear(EVERY_STATE);
      this.#ownership?.release(connection);
    });
  }

  /** Read the clock while holding the lock, so that a later transaction never has an earlier time. */
  #change<T>(work: (table: PartitionTable, now: Instant) => T): Promise<T> {
    return this.#owned((ifOwn) =>
      this.#database.transaction(ifOwn((connection) => work(this.#table(connection), this.#clock.now()))),
    );
  }

  #read<T>(work: (connection: Connection) => T): Promise<T> {
    return this.#owned((ifOwn) => this.#database.read(ifOwn(work)));
  }

  /** Runs a transaction that does nothing if the partition is not that of the queue. Then claims it, and tries again. */
  async #owned<T>(run: (ifOwn: IfOwn) => Promise<{ readonly value: T } | undefined>): Promise<T> {
    const ifOwn: IfOwn = (work) => (connection) =>
      this.#ownership?.isOwn(connection) === false ? undefined : { value: work(connection) };
    for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
      const done = await run(ifOwn);
      if (done !== undefined) return done.value;
      await this.#ownership?.claim();
    }
    throw new StorageError('the queue of the partition changes again and again', { outcome: 'not-applied' });
  }

  #table(connection: Connection): PartitionTable {
    return new PartitionTable(connection, this.#partition, this.#random);
  }
}

/** The error about the first id that is not leased. Check all ids first, so that no request is half done. */
function firstFault(
  table: PartitionTable,
  ids: readonly ItemId[],
  action: LeaseAction,
): QueueError | undefined {
  for (const id of ids) {
    const state = table.find(id)?.state;
    if (state === 'waiting') return itemNotLeased(id, action);
    if (state === 'scheduled') return itemScheduled(id, action);
    if (state !== 'leased') return noSuchItem(id);
  }
  return undefined;
}

/** Retries one leased item. The first rule that applies decides. */
function giveBack(
  table: PartitionTable,
  { id, dead, retryAt }: RetriedItem,
  rules: DeathRules,
  now: Instant,
): keyof RetryResult {
  const row = table.find(id);
  if (row !== undefined && (dead || isUsedUp(row, rules))) {
    deleteOrSetAside(table, row, rules, UNCLAIMED);
    return rules.dead === 'delete' ? 'deleted' : 'moving';
  }
  if (isSchedule(retryAt, now)) {
    table.setAside(id, 'scheduled', retryAt);
    return 'scheduled';
  }
  table.requeue(id);
  return 'waiting';
}

/** Whether a time is far enough ahead to schedule the item. */
function isSchedule(at: Instant | undefined, now: Instant): at is Instant {
  return at !== undefined && at - now >= toMicroseconds(SCHEDULE_THRESHOLD);
}
