import type {
  CarriedKey,
  CarriedKeys,
  ClearRequest,
  CompleteRequest,
  CountOptions,
  DeadLetter,
  DeathRules,
  Duration,
  ExtendedItem,
  FindPage,
  FindRequest,
  ImportedItem,
  Instant,
  ItemId,
  ItemListRequest,
  KeyedImport,
  KeyedImportResult,
  KeyedProduceAndLeaseResult,
  KeyedProduceOptions,
  KeyedProduceRequest,
  KeyedProduceResult,
  KeySweepResult,
  KeysRequest,
  LeaseBatch,
  LeasedItem,
  LetterTimeouts,
  MarkResult,
  NewItem,
  Outcome,
  PartitionStats,
  PartitionStore,
  ProbeResult,
  ProduceAndLeaseResult,
  ProduceRequest,
  ProduceResult,
  RetryRequest,
  RetryResult,
  SeenItem,
  StoredItem,
  SweepRequest,
  SweepResult,
  TakenIds,
  TakenItem,
  TakeRequest,
  TakeResult,
  TransferRequest,
  TransferResult,
} from '@querator/core';
import type { PackedKeyedRequests, PackedRequests } from '../items/produce.ts';
import { type Packed, pack, unpack } from '../messages/packed-payloads.ts';
import { receiveOutcomes, type SentOutcome } from '../messages/sent-outcome.ts';
import { clearPartition } from './clear-partition.ts';
import { OwnedCalls } from './owned-calls.ts';

/** One partition. Each call goes to the storage's thread, where its SQL is. */
export class SqlitePartitionStore implements PartitionStore {
  readonly transferTarget: OwnedCalls;
  readonly #calls: OwnedCalls;

  constructor(calls: OwnedCalls) {
    this.#calls = calls;
    this.transferTarget = calls;
  }

  async produce(
    requests: readonly ProduceRequest[],
    expireTimeout: Duration,
  ): Promise<readonly Outcome<ProduceResult>[]> {
    return this.#calls.call('produce', { ...packRequests(requests), expireTimeout });
  }

  async produceAndLease(
    requests: readonly ProduceRequest[],
    expireTimeout: Duration,
    lease: LeaseBatch,
  ): Promise<ProduceAndLeaseResult> {
    const args = { ...packRequests(requests), expireTimeout, lease };
    const { outcomes, leased } = await this.#calls.call('produceAndLease', args);
    return { outcomes, leased: unpack(leased) };
  }

  async produceKeyed(
    requests: readonly KeyedProduceRequest[],
    options: KeyedProduceOptions,
  ): Promise<readonly Outcome<KeyedProduceResult>[]> {
    return this.#calls.call('produceKeyed', packKeyed(requests, options));
  }

  async produceKeyedAndLease(
    requests: readonly KeyedProduceRequest[],
    options: KeyedProduceOptions,
    lease: LeaseBatch,
  ): Promise<KeyedProduceAndLeaseResult> {
    const args = { ...packKeyed(requests, options), lease };
    const { outcomes, leased } = await this.#calls.call('produceKeyedAndLease', args);
    return { outcomes, leased: unpack(leased) };
  }

  sweepKeys(limit: number): Promise<KeySweepResult> {
    return this.#calls.call('sweepKeys', { limit });
  }

  countKeys(_options?: CountOptions): Promise<number> {
    return this.#calls.read('countKeys', {});
  }

  readKeys(request: KeysRequest): Promise<CarriedKeys> {
    return this.#calls.read('readKeys', { request });
  }

  storeKeys(
    keys: readonly CarriedKey[],
    { keySpread = 0 }: Pick<KeyedProduceOptions, 'keySpread'> = {},
  ): Promise<number> {
    return this.#calls.call('storeKeys', { keys, keySpread });
  }

  async lease(batch: LeaseBatch): Promise<readonly LeasedItem[]> {
    return unpack(await this.#calls.call('lease', { batch }));
  }

  release(ids: readonly ItemId[]): Promise<number> {
    return this.#calls.call('release', { ids });
  }

  async complete(requests: readonly CompleteRequest[]): Promise<readonly Outcome<void>[]> {
    return this.#receive(await this.#calls.call('complete', { requests }));
  }

  async extend(items: readonly ExtendedItem[]): Promise<readonly Outcome<Instant>[]> {
    return this.#receive(await this.#calls.call('extend', { items }));
  }

  async retry(
    requests: readonly RetryRequest[],
    rules: DeathRules,
  ): Promise<readonly Outcome<RetryResult>[]> {
    const { maxAttempts, dead } = rules;
    return this.#receive(await this.#calls.call('retry', { requests, rules: { maxAttempts, dead } }));
  }

  async list(request: ItemListRequest): Promise<readonly StoredItem[]> {
    return unpack(await this.#calls.read('list', { request }));
  }

  find({ signal: _, ...request }: FindRequest): Promise<FindPage> {
    return this.#calls.read('find', { request });
  }

  stats({ mayEstimate = false }: CountOptions = {}): Promise<PartitionStats> {
    return this.#calls.read('stats', { countsOnly: mayEstimate });
  }

  async probe(): Promise<ProbeResult> {
    await this.#calls.call('probe', {});
    return { metadataFault: undefined };
  }

  async import(
    items: readonly ImportedItem[],
    expireTimeout: Duration,
  ): Promise<readonly (StoredItem | undefined)[]> {
    return importedAt(
      items.length,
      await this.#calls.call('importAll', { items: pack(items), expireTimeout }),
    );
  }

  async importKeyed({ groups, window, expireTimeout }: KeyedImport): Promise<readonly KeyedImportResult[]> {
    const items = groups.flatMap((group) => group.items);
    const keyed = { groups: groups.map((group) => ({ key: group.key, count: group.items.length })), window };
    const args = { items: pack(items), expireTimeout, keyed };
    const all = importedAt(items.length, await this.#calls.call('importAll', args));
    let begin = 0;
    return groups.map((group) => {
      begin += group.items.length;
      return all.slice(begin - group.items.length, begin);
    });
  }

  async delete(ids: readonly ItemId[]): Promise<number> {
    return (await this.deleteEach(ids)).length;
  }

  deleteEach(ids: readonly ItemId[]): Promise<readonly ItemId[]> {
    return this.#calls.call('deleteEach', { ids });
  }

  deleteSeen(items: readonly SeenItem[]): Promise<number> {
    return this.#calls.call('deleteSeen', { items });
  }

  makeDue(ids: readonly ItemId[]): Promise<number> {
    return this.#calls.call('makeDue', { ids });
  }

  lastId(): Promise<ItemId | undefined> {
    return this.#calls.read('lastId', {});
  }

  clear(request: ClearRequest): Promise<number> {
    return clearPartition(this.#calls, request);
  }

  async sweep(request: SweepRequest): Promise<SweepResult> {
    const { dead, ...swept } = await this.#calls.call('sweep', { request });
    return { ...swept, dead: unpack(dead) };
  }

  markMoved(ids: readonly ItemId[]): Promise<MarkResult> {
    return this.#calls.call('markMoved', { ids });
  }

  remove(ids: readonly ItemId[]): Promise<void> {
    return this.#calls.call('removeMoving', { ids });
  }

  prepareLetters(letters: readonly DeadLetter[], timeouts: LetterTimeouts): Promise<void> {
    const { expireTimeout, autoCommitTimeout } = timeouts;
    const args = { letters: pack(letters), timeouts: { expireTimeout, autoCommitTimeout } };
    return this.#calls.call('prepareLetters', args);
  }

  commitLetters(sourceIds: readonly ItemId[]): Promise<number> {
    return this.#calls.call('commitLetters', { sourceIds });
  }

  findLetters(sourceIds: readonly ItemId[]): Promise<readonly ItemId[]> {
    return this.#calls.call('findLetters', { sourceIds });
  }

  abortLetters(sourceIds: readonly ItemId[]): Promise<number> {
    return this.#calls.call('abortLetters', { sourceIds });
  }

  async transfer({ target, ...request }: TransferRequest): Promise<TransferResult | undefined> {
    if (!(target instanceof OwnedCalls) || !target.database.isSame(this.#calls.database)) return undefined;
    for (;;) {
      const result = await this.#calls.call('transfer', { target: target.key, request });
      if (result !== 'unmade target') return result;
      await target.call('make', {});
    }
  }

  async takeItems(request: TakeRequest): Promise<TakeResult> {
    const { taken, left } = await this.#calls.call('takeItems', { request });
    return { taken: unpack(taken), left };
  }

  takenItems(task: string, limit: number): Promise<readonly TakenItem[]> {
    return this.#calls.read('takenItems', { task, limit });
  }

  markTaken(request: TakenIds): Promise<MarkResult> {
    return this.#calls.call('markTaken', { request });
  }

  returnTaken(request: TakenIds): Promise<number> {
    return this.#calls.call('returnTaken', { request });
  }

  removeTaken(request: TakenIds): Promise<void> {
    return this.#calls.call('removeTaken', { request });
  }

  dropEmpty(): Promise<boolean> {
    return this.#calls.database.call('dropEmpty', { key: this.#calls.key });
  }

  drop(): Promise<void> {
    return this.#calls.database.call('drop', { key: this.#calls.key });
  }

  #receive<T>(outcomes: readonly SentOutcome<T>[]): readonly Outcome<T>[] {
    return receiveOutcomes(outcomes, this.#calls.name);
  }
}

/** The outcome for each of so many items. */
function importedAt(
  count: number,
  { stored, places }: { readonly stored: Packed<StoredItem>; readonly places: readonly number[] },
): readonly (StoredItem | undefined)[] {
  const all = new Array<StoredItem | undefined>(count).fill(undefined);
  unpack(stored).forEach((item, index) => {
    all[places[index] as number] = item;
  });
  return all;
}

function packKeyed(
  requests: readonly KeyedProduceRequest[],
  { expireTimeout, newKeys, keySpread }: KeyedProduceOptions,
): PackedKeyedRequests {
  const packed = requests.map(({ groups, window }) => ({
    items: pack(groups.flatMap(({ items }) => items)),
    groups: groups.map(({ key, items }) => ({ key, count: items.length })),
    window,
  }));
  return { requests: packed, expireTimeout, newKeys, ...(keySpread !== undefined && { keySpread }) };
}

function packRequests(requests: readonly ProduceRequest[]): PackedRequests {
  const items: readonly NewItem[] = requests.flatMap((request) => request.items);
  return {
    items: pack(items),
    requests: requests.map((request) => ({
      count: request.items.length,
      returnIds: request.returnIds === true,
    })),
  };
}
