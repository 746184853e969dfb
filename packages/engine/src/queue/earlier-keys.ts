import {
  type Instant,
  type ItemId,
  instantFromMicroseconds,
  type KeyedItems,
  MESSAGES,
  millisecondsBetween,
  type Queue,
  StorageError,
  unavailable,
} from '@querator/core';
import type { EngineDeps } from '../engine-deps.ts';
import { backOffMs } from '../partition/back-off.ts';
import { type EarlierPlace, earlierPlaces } from '../partition/key-places.ts';
import type { PartitionState } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import type { ActivePartition } from './active-partition.ts';

/** How long after the end of the last key a partition is still asked: clocks may be set, or differ after a move. */
const MARGIN_MS = 60_000;
/** How long after a look at the clock of a storage the next one comes. */
const LOOK_MS = 10_000;

/** A key that an earlier produce has stored, in a partition that takes it no longer. */
export interface FoundKey {
  readonly partition: number;
  readonly ids: readonly ItemId[];
}

export interface EarlierKeysDeps {
  readonly engine: Pick<EngineDeps, 'clock'>;
  readonly hooks: Pick<QueueHooks, 'queue' | 'failed'>;
  readonly partitions: readonly ActivePartition[];
  /** Runs a storage call that the stop of the queue waits for. Throws QueueError `failed` once the queue stops. */
  readonly call: <T>(call: () => Promise<T>) => Promise<T>;
}

/**
 * Looks for dedup keys in the partitions that took them before the queue was resized. Those have a fence, so a key
 * that is not found there cannot be stored there any more.
 */
export class EarlierKeys {
  readonly #deps: EarlierKeysDeps;
  /** When the clock of a storage was read, by this process's clock. By partition. */
  readonly #looks = new Map<number, Instant>();
  /** The keys of a partition have ended if they end before this, in milliseconds. */
  readonly #ended = new Map<number, number>();

  constructor(deps: EarlierKeysDeps) {
    this.#deps = deps;
  }

  /**
   * @param queue the settings by which the keys are spread.
   * @param timeoutMs how long to try, if a partition is out of service.
   * @returns for each group whether and where its key is held.
   * @throws QueueError `retry` if a partition that may hold a key cannot be asked.
   */
  async find(
    queue: Queue,
    groups: readonly KeyedItems[],
    timeoutMs: number,
  ): Promise<readonly (FoundKey | undefined)[]> {
    const found: (FoundKey | undefined)[] = groups.map(() => undefined);
    const asked = new Map<number, { readonly place: EarlierPlace; readonly at: number[] }>();
    for (const [n, { key }] of groups.entries()) {
      for (const place of earlierPlaces(queue, key)) {
        const known = asked.get(place.partition);
        if (known === undefined) asked.set(place.partition, { place, at: [n] });
        else known.at.push(n);
      }
    }
    const asks = [...asked].map(async ([partition, { place, at }]) => {
      const ids = await this.#ask(place, groups, at, timeoutMs);
      for (const [n, held] of ids.entries()) {
        if (held !== undefined) found[at[n] as number] = { partition, ids: held };
      }
    });
    await Promise.all(asks);
    return found;
  }

  /** The ids of the keys of some groups in a partition. */
  async #ask(
    place: EarlierPlace,
    groups: readonly KeyedItems[],
    at: readonly number[],
    timeoutMs: number,
  ): Promise<readonly (readonly ItemId[] | undefined)[]> {
    const { engine, hooks, partitions } = this.#deps;
    const { clock } = engine;
    const state = partitions[place.partition]?.state;
    // It has left, which it does only when its keys have ended.
    if (state === undefined) return [];
    const start = clock.now();
    for (let failures = 0; ; ) {
      try {
        if (state.healthy || failures === 0) return await this.#held(state, place, groups, at);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        hooks.failed(state, error);
      }
      failures++;
      const leftMs = timeoutMs - millisecondsBetween(start, clock.now());
      if (leftMs <= 0) throw unavailable('retry', MESSAGES.produceTimedOut);
      const pauseMs = Math.min(backOffMs(failures), leftMs);
      await new Promise<void>((resolve) => void clock.startTimer(pauseMs, resolve));
    }
  }

  async #held(
    state: PartitionState,
    place: EarlierPlace,
    groups: readonly KeyedItems[],
    at: readonly number[],
  ): Promise<readonly (readonly ItemId[] | undefined)[]> {
    const { call, hooks } = this.#deps;
    const { expireTimeout } = hooks.queue();
    if (await this.#haveEnded(state, place)) return [];
    const asked = at.map((n) => groups[n] as KeyedItems);
    // The window counts only for keys that are stored.
    const requests = [{ groups: asked, window: expireTimeout }];
    const outcomes = await call(async () =>
      state.store.produceKeyed?.(requests, { expireTimeout, newKeys: 'find' }),
    );
    const outcome = outcomes?.[0];
    if (outcome === undefined) return [];
    if (!outcome.ok) throw outcome.error;
    return outcome.value.groups.map((result) => (result.state === 'duplicate' ? result.ids : undefined));
  }

  /** Whether all keys of before have ended, as the clock of their storage says. */
  async #haveEnded(state: PartitionState, { partition, endsAtMs }: EarlierPlace): Promise<boolean> {
    if (endsAtMs <= (this.#ended.get(partition) ?? 0)) return true;
    const { clock } = this.#deps.engine;
    const now = clock.now();
    const looked = this.#looks.get(partition);
    if (millisecondsOf(now) <= endsAtMs + MARGIN_MS || state.now === undefined) return false;
    if (looked !== undefined && millisecondsBetween(looked, now) < LOOK_MS) return false;
    this.#looks.set(partition, now);
    const there = await this.#deps.call(state.now);
    this.#ended.set(partition, millisecondsOf(there) - MARGIN_MS);
    return endsAtMs <= millisecondsOf(there) - MARGIN_MS;
  }
}

function millisecondsOf(instant: Instant): number {
  return millisecondsBetween(instantFromMicroseconds(0n), instant);
}
