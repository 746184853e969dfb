import {
  type CarriedKey,
  type Duration,
  dedupMissing,
  type KeyedImport,
  type KeyedItems,
  type KeyedProduceResult,
  type QueueError,
  type StoredItem,
  toMilliseconds,
} from '@querator/core';
import type { EngineDeps } from '../engine-deps.ts';
import type { Consumers } from '../loops/consumer-wait.ts';
import { KeyedLoop } from '../loops/keyed-loop.ts';
import type { Reservation } from '../loops/lease-loop.ts';
import { KeyLimit, tooManyKeys } from '../partition/key-limit.ts';
import { keyPartitions } from '../partition/key-places.ts';
import { KeySweeper } from '../partition/key-sweeper.ts';
import type { PartitionState } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import type { WaitOptions } from '../waiting/pending-request.ts';

export interface PartitionKeysDeps {
  readonly engine: EngineDeps;
  readonly hooks: QueueHooks;
  readonly partition: PartitionState;
  /** Reserves consumers that wait for items; see `LeaseLoop.reserve`. */
  readonly reserve: (items: number) => Reservation | undefined;
  readonly consumers: Consumers;
  /** Probes the partition, and takes it out of service if that fails. Never throws. */
  readonly probe: () => Promise<void>;
}

/** The dedup keys of one partition in this process. The loop of produces with keys is made at the first one. */
export class PartitionKeys {
  readonly #deps: PartitionKeysDeps;
  readonly #sweeper: KeySweeper;
  /** How many keys there are, as far as is known. */
  readonly limit: KeyLimit;
  #loop: KeyedLoop | undefined;

  constructor(deps: PartitionKeysDeps) {
    this.#deps = deps;
    const { engine, hooks, partition } = deps;
    this.limit = new KeyLimit({
      clock: engine.clock,
      limits: engine.limits,
      partition,
      partitions: () => keyPartitions(hooks.queue()),
    });
    this.#sweeper = new KeySweeper({
      engine,
      partition,
      queueName: () => hooks.queue().name,
      removed: (keys) => this.limit.changed(-keys),
    });
  }

  /** Whether the storage of the partition has dedup keys. */
  get isSupported(): boolean {
    return this.#deps.partition.store.produceKeyed !== undefined;
  }

  /** Requests that are not answered yet. */
  get size(): number {
    return this.#loop?.size ?? 0;
  }

  /** The partition was loaded. Other processes may have left ended keys. */
  loaded(): void {
    if (this.isSupported) this.#sweeper.endsIn(0);
  }

  /** @throws QueueError see `KeyedLoop.submit`. */
  produce(
    groups: readonly KeyedItems[],
    how: { readonly window: Duration; readonly keySpread: number },
    options: WaitOptions,
  ): Promise<KeyedProduceResult> {
    this.#loop ??= this.#create();
    return this.#loop.submit(groups, how, options);
  }

  /**
   * Imports items under keys; see core's `importKeyed`.
   *
   * @returns the stored items of all groups in order, undefined for those left out.
   * @throws QueueError `invalid` if the storage has no dedup keys, `over_limit` if it may
   *   hold no more.
   */
  async import(request: KeyedImport): Promise<readonly (StoredItem | undefined)[]> {
    const { engine, partition } = this.#deps;
    const { store, storageName } = partition;
    if (store.importKeyed === undefined) throw dedupMissing(storageName);
    if (this.limit.newKeys() === 'refuse') throw tooManyKeys(engine.limits.dedupKeys);
    const groups = await store.importKeyed(request);
    this.limit.changed(groups.filter((items) => items.some((item) => item !== undefined)).length);
    this.#sweeper.endsIn(toMilliseconds(request.window));
    return groups.flat();
  }

  /**
   * Stores keys of another storage; see core's `storeKeys`.
   *
   * @returns how many are stored now.
   * @param keySpread by which the partition was chosen.
   * @throws QueueError `invalid` if the storage has no dedup keys, `over_limit` if it may hold no more.
   */
  async store(keys: readonly CarriedKey[], keySpread: number): Promise<number> {
    const { engine, partition } = this.#deps;
    const { store, storageName } = partition;
    if (store.storeKeys === undefined) throw dedupMissing(storageName);
    if (this.limit.newKeys() === 'refuse') throw tooManyKeys(engine.limits.dedupKeys);
    const stored = await store.storeKeys(keys, { keySpread });
    this.limit.changed(stored);
    if (stored > 0) this.#sweeper.endsIn(0);
    return stored;
  }

  /** The partition came back into service. */
  wake(): void {
    this.#loop?.wake();
  }

  /** Answers requests that were not sent with `error`, and waits for running calls. */
  async stop(error: QueueError): Promise<void> {
    await Promise.all([this.#loop?.stop(error), this.limit.stop(), this.#sweeper.stop()]);
  }

  #create(): KeyedLoop {
    const { engine, hooks, partition, probe, reserve, consumers } = this.#deps;
    return new KeyedLoop({
      ...{ engine, hooks, partition, probe, reserve, consumers, limit: this.limit },
      stored: (windowMs) => this.#sweeper.endsIn(windowMs),
    });
  }
}
