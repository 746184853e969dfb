import {
  type CarriedKey,
  type CarriedKeys,
  type ClearRequest,
  type CompleteRequest,
  type CountOptions,
  type DeadLetter,
  type DeathRules,
  type Duration,
  type ExtendedItem,
  type FindPage,
  type FindRequest,
  type ImportedItem,
  type Instant,
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
  type Outcome,
  type PartitionStats,
  type PartitionStore,
  type ProbeResult,
  type ProduceAndLeaseResult,
  type ProduceFromOutbox,
  type ProduceRequest,
  type ProduceResult,
  type RetryRequest,
  type RetryResult,
  type SeenItem,
  StorageError,
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
import { allTables, type TableCalls } from './database/table-calls.ts';
import type { LowWaterMark } from './low-water-mark/low-water-mark.ts';
import { clear } from './operations/clear.ts';
import { complete } from './operations/complete.ts';
import { NOTHING } from './operations/count-sql.ts';
import { deleteByIds, deleteEach } from './operations/delete.ts';
import { deleteSeen } from './operations/delete-seen.ts';
import { extend } from './operations/extend.ts';
import { find } from './operations/find.ts';
import { importItemsInto, importKeyed, prepareLetters } from './operations/import.ts';
import { countKeys, type KeySweepStart, readKeys, storeKeys, sweepKeys } from './operations/keys.ts';
import { lastId } from './operations/last-id.ts';
import { lease } from './operations/lease.ts';
import { list } from './operations/list.ts';
import { makeDue } from './operations/make-due.ts';
import { markMoved } from './operations/mark-moved.ts';
import { abortLetters, commitLetters, findLetters } from './operations/prepared-letters.ts';
import { probePartition } from './operations/probe.ts';
import { produce } from './operations/produce.ts';
import { produceAndLease } from './operations/produce-and-lease.ts';
import { produceFromOutbox } from './operations/produce-from-outbox.ts';
import { produceKeyed, produceKeyedAndLease } from './operations/produce-keyed.ts';
import { release } from './operations/release.ts';
import { remove } from './operations/remove.ts';
import { retry } from './operations/retry.ts';
import { stats } from './operations/stats.ts';
import { sweep } from './operations/sweep.ts';
import { markTaken, removeTaken, returnTaken, takeItems, takenItems } from './operations/taken-items.ts';
import { transfer } from './operations/transfer.ts';
import { withDetails } from './operations/with-details.ts';
import { withIdsInOrder } from './schema/id-sequence-repair.ts';
import type { PartitionTableProvisioner } from './schema/schema-manager.ts';
import type { PartitionContext } from './sql/partition-table.ts';

/** What a transfer from another partition needs to know of this one. */
class TransferTarget {
  readonly context: PartitionContext;
  readonly table: PartitionTableProvisioner;

  constructor(context: PartitionContext, table: PartitionTableProvisioner) {
    this.context = context;
    this.table = table;
  }
}

/** One partition as a table; see core's `PartitionStore` for the contract. */
export class PostgresPartitionStore implements PartitionStore {
  readonly transferTarget: TransferTarget;
  readonly #context: PartitionContext;
  readonly #table: PartitionTableProvisioner;
  readonly #calls: TableCalls;
  readonly #mark: LowWaterMark;
  readonly #keySweepStart: KeySweepStart = { from: '-infinity' };

  constructor(
    context: PartitionContext,
    deps: {
      readonly table: PartitionTableProvisioner;
      readonly calls: TableCalls;
      readonly mark: LowWaterMark;
    },
  ) {
    this.transferTarget = new TransferTarget(context, deps.table);
    this.#context = context;
    this.#table = deps.table;
    this.#calls = deps.calls;
    this.#mark = deps.mark;
  }

  produce(
    requests: readonly ProduceRequest[],
    expireTimeout: Duration,
  ): Promise<readonly Outcome<ProduceResult>[]> {
    return this.#add((context) => produce(context, requests, expireTimeout));
  }

  produceAndLease(
    requests: readonly ProduceRequest[],
    expireTimeout: Duration,
    batch: LeaseBatch,
  ): Promise<ProduceAndLeaseResult> {
    return this.#add((context) =>
      this.#mark.produceAndLease((from) => produceAndLease(context, requests, expireTimeout, batch, from)),
    );
  }

  produceKeyed(
    requests: readonly KeyedProduceRequest[],
    options: KeyedProduceOptions,
  ): Promise<readonly Outcome<KeyedProduceResult>[]> {
    return this.#calls.run(this.#table.keys, () =>
      withIdsInOrder(this.#context, () => produceKeyed(this.#context, requests, options)),
    );
  }

  produceKeyedAndLease(
    requests: readonly KeyedProduceRequest[],
    options: KeyedProduceOptions,
    batch: LeaseBatch,
  ): Promise<KeyedProduceAndLeaseResult> {
    return this.#calls.run(this.#table.keys, () =>
      withIdsInOrder(this.#context, () =>
        this.#mark.produceAndLease((from) =>
          produceKeyedAndLease(this.#context, requests, options, batch, from),
        ),
      ),
    );
  }

  produceFromOutbox(
    ...[items, move, expireTimeout]: Parameters<ProduceFromOutbox>
  ): ReturnType<ProduceFromOutbox> {
    return this.#add((context) => produceFromOutbox(context, items, move, expireTimeout));
  }

  sweepKeys(limit: number): Promise<KeySweepResult> {
    const none = { removed: 0, nextEndMs: undefined };
    return this.#withKeys(() => sweepKeys(this.#context, limit, this.#keySweepStart), none);
  }

  countKeys(options?: CountOptions): Promise<number> {
    return this.#withKeys(() => countKeys(this.#context, options), 0);
  }

  readKeys(request: KeysRequest): Promise<CarriedKeys> {
    return this.#withKeys(() => readKeys(this.#context, request), { keys: [], next: undefined });
  }

  storeKeys(keys: readonly CarriedKey[], options?: Pick<KeyedProduceOptions, 'keySpread'>): Promise<number> {
    return this.#calls.run(this.#table.keys, () => storeKeys(this.#context, keys, options));
  }

  async lease(batch: LeaseBatch): Promise<readonly LeasedItem[]> {
    const items = await this.#run((context) =>
      this.#mark.lease((from, below) => lease(context, batch, from, below)),
    );
    this.#context.table.numbers.observeId(items.at(-1)?.id);
    return items;
  }

  async release(ids: readonly ItemId[]): Promise<number> {
    const released = await this.#run((context) => release(context, ids));
    this.#mark.released(ids);
    return released;
  }

  complete(requests: readonly CompleteRequest[]): Promise<readonly Outcome<void>[]> {
    return this.#run((context) => complete(context, requests));
  }

  extend(items: readonly ExtendedItem[]): Promise<readonly Outcome<Instant>[]> {
    return this.#run(async (context) => {
      if (items.some(({ maxHold }) => maxHold !== undefined)) await tryMetadata(context, this.#table);
      return extend(context, items);
    });
  }

  retry(requests: readonly RetryRequest[], rules: DeathRules): Promise<readonly Outcome<RetryResult>[]> {
    return this.#add((context) => retry(context, requests, rules));
  }

  list(request: ItemListRequest): Promise<readonly StoredItem[]> {
    return this.#run((context) => list(context, request));
  }

  find(request: FindRequest): Promise<FindPage> {
    return this.#run(async (context) => {
      // Another server may have added the column, and stored details in it.
      await tryMetadata(context, this.#table);
      return find(context, request);
    });
  }

  async stats(options?: CountOptions): Promise<PartitionStats> {
    const mayBeMissing = options?.createNothing === true;
    if (mayBeMissing && !(await this.#calls.track(() => this.#table.isThere()))) return NOTHING;
    return this.#run((context) => stats(context, options));
  }

  async probe(): Promise<ProbeResult> {
    const { metadata } = this.#context.table;
    await this.#run(async (context) => {
      await probePartition(context);
      if (!metadata.isThere) await this.#table.provideMetadata();
    });
    return { metadataFault: metadata.fault };
  }

  import(
    items: readonly ImportedItem[],
    expireTimeout: Duration,
  ): Promise<readonly (StoredItem | undefined)[]> {
    return this.#add((context) => importItemsInto(context, items, expireTimeout));
  }

  importKeyed(request: KeyedImport): Promise<readonly KeyedImportResult[]> {
    return this.#calls.run(this.#table.keys, () =>
      withIdsInOrder(this.#context, () => importKeyed(this.#context, request)),
    );
  }

  delete(ids: readonly ItemId[]): Promise<number> {
    return this.#run((context) => deleteByIds(context, ids));
  }

  deleteSeen(items: readonly SeenItem[]): Promise<number> {
    return this.#run((context) => deleteSeen(context, items));
  }

  makeDue(ids: readonly ItemId[]): Promise<number> {
    return this.#run((context) => makeDue(context, ids));
  }

  lastId(): Promise<ItemId | undefined> {
    return this.#run((context) => lastId(context));
  }

  deleteEach(ids: readonly ItemId[]): Promise<readonly ItemId[]> {
    return this.#run((context) => deleteEach(context, ids));
  }

  clear(request: ClearRequest): Promise<number> {
    return this.#run((context) => clear(context, request));
  }

  sweep(request: SweepRequest): Promise<SweepResult> {
    return this.#run((context) => this.#sweep(context, request));
  }

  markMoved(ids: readonly ItemId[]): Promise<MarkResult> {
    return this.#run((context) => markMoved(context, ids));
  }

  remove(ids: readonly ItemId[]): Promise<void> {
    return this.#run((context) => remove(context, ids));
  }

  prepareLetters(letters: readonly DeadLetter[], timeouts: LetterTimeouts): Promise<void> {
    return this.#add(async (context) => {
      await tryMetadata(context, this.#table);
      await prepareLetters(context, letters, timeouts);
    });
  }

  commitLetters(sourceIds: readonly ItemId[]): Promise<number> {
    return this.#add((context) => commitLetters(context, sourceIds));
  }

  abortLetters(sourceIds: readonly ItemId[]): Promise<number> {
    return this.#run((context) => abortLetters(context, sourceIds));
  }

  findLetters(sourceIds: readonly ItemId[]): Promise<readonly ItemId[]> {
    return this.#run((context) => findLetters(context, sourceIds));
  }

  async transfer({ target, ...request }: TransferRequest): Promise<TransferResult | undefined> {
    if (!(target instanceof TransferTarget) || target.context.db !== this.#context.db) return undefined;
    return this.#calls.run(allTables(this.#table, target.table), async () => {
      await tryMetadata(this.#context, this.#table);
      await tryMetadata(target.context, target.table);
      return withIdsInOrder(target.context, () => transfer(this.#context, target.context, request));
    });
  }

  takeItems(request: TakeRequest): Promise<TakeResult> {
    return this.#run(async (context) => {
      await tryMetadata(context, this.#table);
      return takeItems(context, request);
    });
  }

  takenItems(task: string, limit: number): Promise<readonly TakenItem[]> {
    return this.#run((context) => takenItems(context, task, limit));
  }

  markTaken(request: TakenIds): Promise<MarkResult> {
    return this.#run((context) => markTaken(context, request));
  }

  async returnTaken(request: TakenIds): Promise<number> {
    const returned = await this.#run((context) => returnTaken(context, request));
    this.#mark.released(returned);
    return returned.length;
  }

  removeTaken(request: TakenIds): Promise<void> {
    return this.#run((context) => removeTaken(context, request));
  }

  untilDroppable(): Promise<void> {
    return this.#calls.track(() => this.#table.untilDroppable());
  }

  dropEmpty(): Promise<boolean> {
    return this.#calls.track(() => this.#table.dropEmpty());
  }

  drop(): Promise<void> {
    return this.#calls.track(() => this.#table.drop());
  }

  /**
   * Another server may have added the column for the details of items, and stored some.
   * Dead items must not leave without them.
   */
  async #sweep(context: PartitionContext, request: SweepRequest): Promise<SweepResult> {
    const result = await sweep(context, request);
    const { metadata } = context.table;
    if (metadata.isThere || (result.dead.length === 0 && !metadata.isTryDue(context.db.clock))) return result;
    try {
      await this.#table.provideMetadata();
      return { ...result, dead: await withDetails(context, result.dead) };
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      // What was done is committed. Another sweep reports the dead items when their claims end.
      return { ...result, dead: [] };
    }
  }

  /** Runs a write of new ids. */
  #add<T>(operation: (context: PartitionContext) => Promise<T>): Promise<T> {
    return this.#run((context) => withIdsInOrder(context, () => operation(context)));
  }

  /** Runs a call on the dedup keys. @param without the result if the partition has none. */
  #withKeys<T>(operation: () => Promise<T>, without: T): Promise<T> {
    const { keys } = this.#table;
    return this.#calls.run(this.#table, async () => {
      try {
        return (await keys.exists()) ? await operation() : without;
      } catch (error) {
        throw await keys.explain(error);
      }
    });
  }

  #run<T>(operation: (context: PartitionContext) => Promise<T>): Promise<T> {
    return this.#calls.run(this.#table, () => operation(this.#context));
  }
}

/** Adds the column for the details of items, if it is missing and the last try was not a moment ago. */
async function tryMetadata(
  { db, table }: PartitionContext,
  provisioner: PartitionTableProvisioner,
): Promise<void> {
  if (!table.metadata.isThere && table.metadata.isTryDue(db.clock)) await provisioner.provideMetadata();
}
