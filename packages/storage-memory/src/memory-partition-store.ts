import {
  type CarriedKey,
  type CarriedKeys,
  type ClearRequest,
  type Clock,
  type CompleteRequest,
  type DeadLetter,
  type DeathRules,
  type Duration,
  type ExtendedItem,
  type FindPage,
  type FindRequest,
  type ImportedItem,
  type Instant,
  type ItemContent,
  type ItemId,
  type ItemListRequest,
  type KeyedImport,
  type KeyedImportResult,
  type KeyedProduceAndLeaseResult,
  type KeyedProduceOptions,
  type KeyedProduceRequest,
  type KeyedProduceResult,
  type KeySweepResult,
  type KeysRequest,
  type LeaseBatch,
  type LeasedItem,
  type LetterTimeouts,
  type MarkResult,
  type NewItem,
  type Outcome,
  PAYLOAD_BUDGET,
  type PartitionStats,
  type PartitionStore,
  type ProbeResult,
  type ProduceAndLeaseResult,
  type ProduceRequest,
  type ProduceResult,
  type RetryRequest,
  type RetryResult,
  type SeenItem,
  type StoredItem,
  type SweepRequest,
  type SweepResult,
  type TakenIds,
  type TakenItem,
  type TakeRequest,
  type TakeResult,
  type TransferRequest,
  type TransferResult,
} from '@querator/core';
import { type Appended, appendItems, type EntryOf } from './append-items.ts';
import { deleteEach, deleteSeen, removeMoving } from './delete-items.ts';
import type { Entry, EntryRest } from './entry.ts';
import { waitingOr } from './entry-state.ts';
import { extendLeases } from './extend-leases.ts';
import { findItems } from './find-items.ts';
import { findAllLeased } from './find-leased.ts';
import { giveBack } from './give-back.ts';
import { importInTurns } from './import-items.ts';
import { importKeyed } from './import-keyed.ts';
import type { ItemIds } from './item-ids.ts';
import type { ItemTable } from './item-table.ts';
import { keptUnderNewId } from './kept-details.ts';
import { leaseItems, releaseItems } from './lease-items.ts';
import { leaseOfNewItems } from './lease-new-items.ts';
import { listItems } from './list-items.ts';
import { makeDue } from './make-due.ts';
import { markMoved } from './mark-moved.ts';
import { packContent } from './packed-content.ts';
import type { PartitionParts } from './partition-parts.ts';
import { abortLetters, commitLetters, findLetters, prepareLetters } from './prepared-letters.ts';
import { produceKeyed } from './produce-keyed.ts';
import { sweepTable } from './sweep-table.ts';
import { markTaken, removeTaken, returnTaken, takeItems, takenItems } from './taken-items.ts';
import { TransferTarget, transferItems } from './transfer-items.ts';

/**
 * One partition in memory. Methods work within one turn of the event loop, and so
 * are atomic and safe to call concurrently. Only large imports, clears and lists
 * take several turns.
 */
export class MemoryPartitionStore implements PartitionStore {
  readonly transferTarget: TransferTarget;
  readonly #clock: Clock;
  readonly #ids: ItemIds;
  readonly #table: () => ItemTable;
  readonly #open: (adds?: boolean) => ItemTable;
  readonly #parts: PartitionParts;
  readonly #pause: PartitionParts['pause'];

  constructor(parts: PartitionParts) {
    const { clock, ids, table, open, pause } = parts;
    this.transferTarget = new TransferTarget(ids, () => open(true));
    [this.#clock, this.#ids, this.#table] = [clock, ids, table];
    [this.#open, this.#parts, this.#pause] = [open, parts, pause];
  }

  async produce(
    requests: readonly ProduceRequest[],
    expireTimeout: Duration,
  ): Promise<readonly Outcome<ProduceResult>[]> {
    return this.#produce(requests, expireTimeout).map((value) => ({ ok: true, value }));
  }

  async produceAndLease(
    requests: readonly ProduceRequest[],
    expireTimeout: Duration,
    batch: LeaseBatch,
  ): Promise<ProduceAndLeaseResult> {
    const leased = leaseOfNewItems(this.#open(true), batch, this.#clock.now());
    return leased(this.#produce(requests, expireTimeout));
  }

  async produceKeyed(
    requests: readonly KeyedProduceRequest[],
    options: KeyedProduceOptions,
  ): Promise<readonly Outcome<KeyedProduceResult>[]> {
    return this.#produceKeyed(requests, options).map((value) => ({ ok: true, value }));
  }

  #produceKeyed(
    requests: readonly KeyedProduceRequest[],
    { expireTimeout, newKeys, keySpread = 0 }: KeyedProduceOptions,
  ): readonly KeyedProduceResult[] {
    const [table, now] = [this.#open(newKeys !== 'find'), this.#clock.now()];
    if (newKeys !== 'find') this.#parts.checkKeys(keySpread);
    const append = (items: readonly NewItem[]) => this.#append(table, items, now, expireTimeout);
    return requests.map((request) => produceKeyed(table.dedupKeys, request, { now, newKeys, append }));
  }

  async produceKeyedAndLease(
    requests: readonly KeyedProduceRequest[],
    options: KeyedProduceOptions,
    batch: LeaseBatch,
  ): Promise<KeyedProduceAndLeaseResult> {
    const leased = leaseOfNewItems(this.#open(true), batch, this.#clock.now());
    return leased(this.#produceKeyed(requests, options));
  }

  async sweepKeys(limit: number): Promise<KeySweepResult> {
    return this.#open().dedupKeys.sweep(limit, this.#clock.now());
  }

  async countKeys(): Promise<number> {
    return this.#table().dedupKeys.size;
  }

  async readKeys(request: KeysRequest): Promise<CarriedKeys> {
    return this.#table().dedupKeys.read(request, this.#clock.now());
  }

  async storeKeys(
    keys: readonly CarriedKey[],
    { keySpread = 0 }: Pick<KeyedProduceOptions, 'keySpread'> = {},
  ): Promise<number> {
    const { dedupKeys } = this.#open(true);
    this.#parts.checkKeys(keySpread);
    return dedupKeys.store(keys, this.#clock.now());
  }

  async lease(batch: LeaseBatch): Promise<readonly LeasedItem[]> {
    return leaseItems(this.#open(), batch, PAYLOAD_BUDGET, this.#clock.now());
  }

  async release(ids: readonly ItemId[]): Promise<number> {
    return releaseItems(this.#open(), ids);
  }

  async complete(requests: readonly CompleteRequest[]): Promise<readonly Outcome<void>[]> {
    const table = this.#open();
    return requests.map(({ ids }) => {
      const found = findAllLeased(table, ids, 'completed');
      if (!found.ok) return found;
      for (const entry of found.value) table.remove(entry);
      return { ok: true, value: undefined };
    });
  }

  async extend(items: readonly ExtendedItem[]): Promise<readonly Outcome<Instant>[]> {
    return extendLeases(this.#open(), items, this.#clock.now());
  }

  async retry(
    requests: readonly RetryRequest[],
    rules: DeathRules,
  ): Promise<readonly Outcome<RetryResult>[]> {
    const [table, now] = [this.#open(), this.#clock.now()];
    const requeue = (entry: Entry) => this.#requeue(table, entry);
    return requests.map(({ items }) => {
      const found = findAllLeased(
        table,
        items.map((item) => item.id),
        'retried',
      );
      if (!found.ok) return found;
      const result = { waiting: 0, scheduled: 0, moving: 0, deleted: 0 };
      items.forEach((item, index) => {
        result[giveBack(table, found.value[index] as Entry, item, rules, { now, requeue })]++;
      });
      return { ok: true, value: result };
    });
  }

  async list(request: ItemListRequest): Promise<readonly StoredItem[]> {
    return listItems(this.#table(), request, this.#pause);
  }

  async find(request: FindRequest): Promise<FindPage> {
    return findItems(this.#table(), request, { clock: this.#clock, pause: this.#pause });
  }

  async stats(): Promise<PartitionStats> {
    return this.#parts.countedTable().stats(this.#clock.now());
  }

  async probe(): Promise<ProbeResult> {
    this.#table();
    return { metadataFault: undefined };
  }

  async import(
    items: readonly ImportedItem[],
    expireTimeout: Duration,
  ): Promise<readonly (StoredItem | undefined)[]> {
    return importInTurns(this.#open(true), items, this.#pause, () => {
      // Its turn may come after the partition was closed.
      this.#open(true);
      return this.#importOptions(expireTimeout, 'leased');
    });
  }

  async importKeyed(request: KeyedImport): Promise<readonly KeyedImportResult[]> {
    const given = () => this.#importOptions(request.expireTimeout, 'leased');
    const { largeCalls } = this.#open();
    return largeCalls.run(async () => importKeyed(this.#open(true), request, this.#pause, given));
  }

  async delete(ids: readonly ItemId[]): Promise<number> {
    return (await this.deleteEach(ids)).length;
  }

  async deleteEach(ids: readonly ItemId[]): Promise<readonly ItemId[]> {
    return deleteEach(this.#open(), ids);
  }

  async deleteSeen(items: readonly SeenItem[]): Promise<number> {
    return deleteSeen(this.#open(), items);
  }

  async makeDue(ids: readonly ItemId[]): Promise<number> {
    return makeDue(this.#open(), ids, this.#clock.now());
  }

  async lastId(): Promise<ItemId | undefined> {
    return this.#table().last?.id;
  }

  async clear(request: ClearRequest): Promise<number> {
    const table = this.#open();
    // Moving items and prepared letters count as leased here.
    const alike = { prepared: request.leased, moving: request.leased, moved: request.leased };
    const cleared = { ...request, ...alike, gone: false };
    return table.largeCalls.run(async () => this.#open().clear(cleared, this.#pause));
  }

  async sweep(request: SweepRequest): Promise<SweepResult> {
    const table = this.#open();
    return sweepTable(table, request, this.#clock.now(), (entry) => this.#requeue(table, entry));
  }

  async markMoved(ids: readonly ItemId[]): Promise<MarkResult> {
    return markMoved(this.#open(), ids);
  }

  async remove(ids: readonly ItemId[]): Promise<void> {
    removeMoving(this.#open(), ids);
  }

  async prepareLetters(
    letters: readonly DeadLetter[],
    { expireTimeout, autoCommitTimeout }: LetterTimeouts,
  ): Promise<void> {
    const options = this.#importOptions(expireTimeout, 'prepared');
    prepareLetters(this.#open(true), letters, { ...options, autoCommitTimeout });
  }

  async commitLetters(sourceIds: readonly ItemId[]): Promise<number> {
    const table = this.#open();
    return commitLetters(table, sourceIds, (entry) => this.#requeue(table, entry, entry.dueAt));
  }

  async abortLetters(sourceIds: readonly ItemId[]): Promise<number> {
    return abortLetters(this.#open(), sourceIds);
  }

  async findLetters(sourceIds: readonly ItemId[]): Promise<readonly ItemId[]> {
    return findLetters(this.#open(), sourceIds);
  }

  async transfer({ target, ...request }: TransferRequest): Promise<TransferResult | undefined> {
    if (!(target instanceof TransferTarget) || target.ids !== this.#ids) return undefined;
    return transferItems(this.#open(), target, request, this.#clock.now());
  }

  async takeItems(request: TakeRequest): Promise<TakeResult> {
    return takeItems(this.#open(), request, this.#clock.now());
  }

  async takenItems(task: string, limit: number): Promise<readonly TakenItem[]> {
    return takenItems(this.#table(), task, limit);
  }

  async markTaken(request: TakenIds): Promise<MarkResult> {
    return markTaken(this.#open(), request);
  }

  async returnTaken(request: TakenIds): Promise<number> {
    return returnTaken(this.#open(), request);
  }

  async removeTaken(request: TakenIds): Promise<void> {
    removeTaken(this.#open(), request);
  }

  async dropEmpty(): Promise<boolean> {
    return this.#parts.dropEmpty();
  }

  async drop(): Promise<void> {
    this.#parts.drop();
  }

  #produce(requests: readonly ProduceRequest[], expireTimeout: Duration): readonly ProduceResult[] {
    const [table, now] = [this.#open(true), this.#clock.now()];
    return requests.map(({ items, returnIds }) => {
      const { ids, scheduled } = this.#append(table, items, now, expireTimeout);
      const stored = { waiting: items.length - scheduled, scheduled };
      return returnIds === true ? { ...stored, ids } : stored;
    });
  }

  #append(table: ItemTable, items: readonly NewItem[], now: Instant, expireTimeout: Duration): Appended {
    const entryOf: EntryOf = (content, rest) => this.#entry(content, rest);
    return appendItems(table, items, { now, expireTimeout, entryOf });
  }

  #importOptions(expireTimeout: Duration, leasedAs: 'leased' | 'prepared') {
    const entryOf: EntryOf = (content, rest) => this.#entry(content, rest);
    return { now: this.#clock.now(), expireTimeout, leasedAs, entryOf };
  }

  /** Puts an entry in any state back to the tail, under a new id, or makes it scheduled. */
  #requeue(table: ItemTable, entry: Entry, enqueueAt?: Instant): void {
    if (table.removeIfCleared(entry)) return;
    const again: Entry = {
      ...entry,
      id: this.#ids.next(),
      ...waitingOr('scheduled', enqueueAt, entry.expireDeadline),
      deadline: undefined,
      kept: keptUnderNewId(entry),
    };
    if (again.dueAt !== undefined) delete again.dueAt;
    if (again.idleLeaseDeadline !== undefined) delete again.idleLeaseDeadline;
    if (again.heldSince !== undefined) delete again.heldSince;
    table.remove(entry);
    table.append(again);
  }

  #entry(content: ItemContent, rest: EntryRest): Entry {
    const entry: Entry = {
      id: this.#ids.next(),
      sourceId: rest.sourceId,
      createdAt: rest.createdAt,
      expireDeadline: rest.expireDeadline,
      maxAttempts: rest.maxAttempts ?? 0,
      attempts: rest.attempts,
      state: rest.state,
      due: rest.due,
      deadline: undefined,
      content: packContent(content),
    };
    if (rest.kept !== undefined) entry.kept = rest.kept;
    return entry;
  }
}
