import {
  addDuration,
  type Instant,
  type ItemId,
  type KeyedProduceResult,
  type LeasedItem,
  milliseconds,
  millisecondsBetween,
  type NewItem,
  type Outcome,
  type PartitionStore,
} from '@querator/core';
import { expect } from 'vitest';
import { newItem } from '../fixture/content.ts';
import { valuesOf } from '../fixture/partition-script.ts';
import type { Command, KeyedGroup } from './command.ts';
import { expectLeased } from './expect-leased.ts';
import { KeyModel } from './key-model.ts';
import { isSchedule, type ModelItem, type PartitionModel } from './partition-model.ts';

type CommandOf<Name extends Command['do']> = Extract<Command, { do: Name }>;

export interface KeyedRunDeps {
  readonly store: PartitionStore;
  readonly now: () => Instant;
  /** A new text, which identifies an item. */
  readonly text: () => string;
  /** Adds an item to the model at the tail. */
  readonly add: (
    text: string,
    item: { expireIn: number; lifeFrom?: Instant; state?: 'scheduled'; until?: Instant },
  ) => ModelItem;
  readonly model: PartitionModel;
}

/** Runs commands on dedup keys on the driver and on the model. Does nothing for a driver without them. */
export class KeyedRun {
  readonly #deps: KeyedRunDeps;
  readonly #keys = new KeyModel();

  constructor(deps: KeyedRunDeps) {
    this.#deps = deps;
  }

  async produce(command: CommandOf<'produceKeyed'>): Promise<void> {
    const { requests, windowMs, expireIn, newKeys, lease } = command;
    const { store, now, model } = this.#deps;
    if (store.produceKeyed === undefined) return;
    const isFree = model.of('waiting').length === 0;
    const endsAt = addDuration(now(), milliseconds(windowMs));
    const given = requests.map((groups) => ({
      groups: groups.map((group) => ({ key: group.key, items: group.items.map((item) => this.#item(item)) })),
      window: milliseconds(windowMs),
    }));
    const expected = given.map(({ groups }) =>
      groups.map(({ key, items }) => {
        const held = this.#keys.held(key, now());
        if (held !== undefined) return { state: 'duplicate' as const, of: held };
        if (newKeys === 'refuse') return { state: 'refused' as const, of: undefined };
        const added = items.map((item) => this.#add(item, expireIn));
        return { state: 'stored' as const, of: this.#keys.store(key, added, endsAt) };
      }),
    );
    const options = { expireTimeout: milliseconds(expireIn), newKeys };
    let left = 0;
    let outcomes: readonly Outcome<KeyedProduceResult>[];
    if (lease !== undefined && store.produceKeyedAndLease !== undefined) {
      const leaseTimeout = milliseconds(lease.leaseFor);
      const done = await store.produceKeyedAndLease(given, options, { limit: lease.limit, leaseTimeout });
      outcomes = done.outcomes;
      left = done.leased.length;
      this.#expectNewLeases(done.leased, {
        isFree,
        lease,
        states: expected.flat().map(({ state }) => state),
      });
    } else {
      outcomes = await store.produceKeyed(given, options);
    }
    const results = valuesOf(outcomes);
    for (const [n, { groups, waiting, scheduled }] of results.entries()) {
      const wanted = expected[n] ?? [];
      expect(groups.map(({ state }) => state)).toEqual(wanted.map(({ state }) => state));
      const stored = wanted.flatMap(({ state, of }) => (state === 'stored' ? of.items : []));
      const later = stored.filter(({ state }) => state === 'scheduled').length;
      const leased = Math.min(left, stored.length);
      left -= leased;
      expect([waiting, scheduled]).toEqual([stored.length - later - leased, later]);
      for (const [place, group] of groups.entries()) {
        const { state, of } = wanted[place] as (typeof wanted)[number];
        if (group.state === 'refused' || of === undefined) continue;
        if (state === 'stored') this.#learn(of.items, group.ids);
        of.ids ??= group.ids;
        expect(group.ids).toEqual(of.ids);
      }
    }
  }

  /** The first items that are new are leased, if none waited. With duplicates it may be fewer than the limit. */
  #expectNewLeases(
    leased: readonly LeasedItem[],
    {
      isFree,
      lease: { limit, leaseFor },
      states,
    }: {
      readonly isFree: boolean;
      readonly lease: { readonly limit: number; readonly leaseFor: number };
      readonly states: readonly string[];
    },
  ): void {
    const { model, now } = this.#deps;
    const most = isFree ? Math.min(limit, model.of('waiting').length) : 0;
    if (states.every((state) => state === 'stored')) expect(leased).toHaveLength(most);
    else expect(leased.length).toBeLessThanOrEqual(most);
    const until = addDuration(now(), milliseconds(leaseFor));
    const items = leased.length === 0 ? [] : model.lease(leased.length, until);
    this.#learn(
      items,
      leased.map(({ id }) => id),
    );
    expectLeased(leased, items, until);
  }

  async sweep({ limit }: CommandOf<'sweepKeys'>): Promise<void> {
    const { store, now } = this.#deps;
    if (store.sweepKeys === undefined || store.countKeys === undefined) return;
    const { removed, nextEndMs } = await store.sweepKeys(limit);
    expect(removed).toBe(this.#keys.sweep(limit, now()));
    expect(await store.countKeys()).toBe(this.#keys.size);
    const next = this.#keys.nextEnd();
    if (this.#keys.hasEnded(now())) expect(nextEndMs).toBe(0);
    else if (next === undefined) expect([undefined, 0]).toContain(nextEndMs);
    else expect([millisecondsBetween(now(), next), 0]).toContain(nextEndMs);
  }

  #item({ enqueueIn }: KeyedGroup['items'][number]): NewItem {
    const at = enqueueIn === undefined ? undefined : addDuration(this.#deps.now(), milliseconds(enqueueIn));
    return newItem(this.#deps.text(), at);
  }

  #add({ payload, enqueueAt }: NewItem, expireIn: number): ModelItem {
    const text = new TextDecoder().decode(payload);
    if (enqueueAt === undefined || !isSchedule(enqueueAt, this.#deps.now())) {
      return this.#deps.add(text, { expireIn });
    }
    return this.#deps.add(text, { expireIn, state: 'scheduled', until: enqueueAt, lifeFrom: enqueueAt });
  }

  /** The comparison finds items under other ids, if the driver told wrong ones. */
  #learn(items: readonly ModelItem[], ids: readonly ItemId[]): void {
    expect(ids).toHaveLength(items.length);
    for (const [n, item] of items.entries()) item.id = ids[n];
  }
}
