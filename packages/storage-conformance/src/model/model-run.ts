import {
  addDuration,
  type Instant,
  type ItemId,
  itemNotLeased,
  milliseconds,
  noSuchItem,
  type PartitionStore,
  type StoredItem,
} from '@querator/core';
import type { ManualClock } from '@querator/core/testing';
import { expect } from 'vitest';
import { deadLetter, importedItem, textsOf } from '../fixture/content.ts';
import { marked, sorted } from '../fixture/mark-result.ts';
import { verdictsOf } from '../fixture/partition-script.ts';
import { produceAndLease } from '../fixture/produce-and-lease.ts';
import type { Command, IdPick } from './command.ts';
import { expectLeased } from './expect-leased.ts';
import { KeyedRun } from './keyed-run.ts';
import { NewContents } from './new-contents.ts';
import { PartitionComparison } from './partition-comparison.ts';
import { isSchedule, type ModelItem, PartitionModel } from './partition-model.ts';

type CommandOf<Name extends Command['do']> = Extract<Command, { do: Name }>;

/** More calls than a sweep with the least work per call needs. */
const MOST_SWEEPS = 500;
/** The expire timeout of imports without a deadline. */
const IMPORT_EXPIRE_MS = 30_000;
/** The id that a pick returns if there is nothing to pick from. */
const NO_ID = '0'.repeat(27);

/** Runs each command on the driver and on the model, and compares the results. */
export class ModelRun {
  readonly #store: PartitionStore;
  readonly #clock: ManualClock;
  readonly #model = new PartitionModel();
  readonly #comparison: PartitionComparison;
  readonly #keyed: KeyedRun;
  readonly #new: NewContents;

  /** @param keepsMetadata whether the partition does. */
  constructor(store: PartitionStore, clock: ManualClock, keepsMetadata: boolean) {
    this.#store = store;
    this.#new = new NewContents(keepsMetadata);
    this.#clock = clock;
    this.#comparison = new PartitionComparison(store, this.#model);
    this.#keyed = new KeyedRun({
      store,
      now: () => this.#now,
      text: () => this.#new.text(),
      model: this.#model,
      add: (text, item) => this.#add(text, item),
    });
  }

  /** Runs one command, then compares the whole partition. */
  async step(command: Command): Promise<void> {
    await this.#run(command);
    await this.#comparison.compare();
  }

  #run(command: Command): Promise<void> {
    switch (command.do) {
      case 'produce':
        return this.#produce(command);
      case 'produceAndLease':
        return this.#produceAndLease(command);
      case 'produceKeyed':
        return this.#keyed.produce(command);
      case 'sweepKeys':
        return this.#keyed.sweep(command);
      case 'lease':
        return this.#lease(command);
      case 'release':
        return this.#release(command);
      case 'complete':
        return this.#complete(command);
      case 'extend':
        return this.#extend(command);
      case 'retry':
        return this.#retry(command);
      case 'page':
        return this.#page(command);
      case 'import':
        return this.#import(command);
      case 'delete':
        return this.#delete(command);
      case 'clear':
        return this.#clear(command);
      case 'sweep':
        return this.#sweep(command);
      case 'markMoved':
        return this.#markMoved(command);
      case 'remove':
        return this.#remove(command);
      case 'prepareLetters':
        return this.#prepareLetters(command);
      case 'commitLetters':
        return this.#commitLetters(command);
      case 'abortLetters':
        return this.#abortLetters(command);
      case 'advance':
        return this.#clock.advance(milliseconds(command.by));
    }
  }

  async #produce({ requests, expireIn }: CommandOf<'produce'>): Promise<void> {
    const given = requests.map((request) => ({
      items: request.map(({ enqueueIn }) => this.#new.item(this.#at(enqueueIn))),
    }));
    const expected = given.map(({ items }) => {
      const scheduled = items.filter(
        (item) => item.enqueueAt && isSchedule(item.enqueueAt, this.#now),
      ).length;
      return { ok: true, value: { waiting: items.length - scheduled, scheduled } };
    });
    for (const item of given.flatMap(({ items }) => items)) {
      const enqueueAt = item.enqueueAt && isSchedule(item.enqueueAt, this.#now) ? item.enqueueAt : undefined;
      this.#add(textsOf([item])[0] as string, {
        expireIn,
        metadata: item.metadata,
        ...(enqueueAt && { state: 'scheduled', until: enqueueAt, lifeFrom: enqueueAt }),
      });
    }
    expect(await this.#store.produce(given, milliseconds(expireIn))).toEqual(expected);
  }

  async #produceAndLease(command: CommandOf<'produceAndLease'>): Promise<void> {
    const { requests, expireIn, limit, leaseFor } = command;
    const isFree = this.#model.of('waiting').length === 0;
    const given = requests.map((count) => ({
      items: Array.from({ length: count }, () => this.#new.item()),
    }));
    for (const item of given.flatMap(({ items }) => items)) {
      this.#add(textsOf([item])[0] as string, { expireIn, metadata: item.metadata });
    }
    const { outcomes, leased } = await produceAndLease(this.#store, given, milliseconds(expireIn), {
      limit,
      leaseTimeout: milliseconds(leaseFor),
    });
    const until = addDuration(this.#now, milliseconds(leaseFor));
    const expected = isFree ? this.#model.lease(limit, until) : [];
    // Their ids are known only now.
    leased.forEach(({ id }, n) => {
      const item = expected[n];
      if (item !== undefined) item.id = id;
    });
    expectLeased(leased, expected, until);
    let left = expected.length;
    const waiting = requests.map((count) => {
      const taken = Math.min(left, count);
      left -= taken;
      return count - taken;
    });
    expect(outcomes).toEqual(waiting.map((n) => ({ ok: true, value: { waiting: n, scheduled: 0 } })));
  }

  async #lease({ limit, leaseFor }: CommandOf<'lease'>): Promise<void> {
    const until = addDuration(this.#now, milliseconds(leaseFor));
    const expected = this.#model.lease(limit, until);
    const leased = await this.#store.lease({ limit, leaseTimeout: milliseconds(leaseFor) });
    expectLeased(leased, expected, until);
  }

  async #release(command: CommandOf<'release'>): Promise<void> {
    const ids = this.#ids(command.ids);
    const leased = this.#model.of('leased').filter((item) => ids.includes(item.id as ItemId));
    // The contract does not define the attempts of an imported lease.
    const counted = leased.filter((item) => item.attempts > 0).map((item) => item.id as ItemId);
    for (const item of leased) {
      if (!counted.includes(item.id as ItemId)) continue;
      item.state = 'waiting';
      item.attempts--;
    }
    const passedOver = ids.filter((id) => this.#model.find(id)?.state !== 'leased' && !counted.includes(id));
    expect(await this.#store.release([...passedOver, ...counted])).toBe(counted.length);
  }

  async #complete(command: CommandOf<'complete'>): Promise<void> {
    const requests = command.requests.map((request) => ({ ids: this.#ids(request) }));
    const expected = requests.map(({ ids }) => {
      const bad = this.#model.firstBad(ids);
      if (bad !== undefined) return refusal(bad, 'completed');
      for (const id of ids) this.#model.take(this.#model.find(id) as ModelItem);
      return 'ok';
    });
    expect(verdictsOf(await this.#store.complete(requests))).toEqual(expected);
  }

  /** Does nothing for a driver that cannot extend leases. */
  async #extend({ ids: picks, leaseFor, maxHold: bound }: CommandOf<'extend'>): Promise<void> {
    const isBounded = bound !== undefined && (await this.#store.probe()).metadataFault === undefined;
    const maxHold = isBounded ? milliseconds(bound) : undefined;
    const leaseTimeout = milliseconds(leaseFor);
    const items = this.#ids(picks).map((id) => ({ id, leaseTimeout, maxHold }));
    const outcomes = await this.#store.extend?.(items);
    if (outcomes === undefined) return;
    const until = addDuration(this.#now, leaseTimeout);
    const expected = items.map(({ id }) => this.#model.extend(id, until, this.#now, maxHold) ?? until);
    expect(outcomes.map((outcome) => (outcome.ok ? outcome.value : outcome.error.reason))).toEqual(expected);
  }

  async #retry({ requests: given, maxAttempts, dead }: CommandOf<'retry'>): Promise<void> {
    const requests = given.map((request) => ({
      items: request
        .map(({ id, retryIn, dead }, n) => ({
          id: this.#ids([id])[0] as ItemId,
          retryAt: this.#at(retryIn),
          dead,
          error: n % 2 === 0 ? this.#new.error() : undefined,
        }))
        .filter((item, index, all) => all.findIndex((other) => other.id === item.id) === index),
    }));
    const expected = requests.map(({ items }) => {
      const bad = this.#model.firstBad(items.map((item) => item.id));
      if (bad !== undefined) return refusal(bad, 'retried');
      const result = { waiting: 0, scheduled: 0, moving: 0, deleted: 0 };
      const found = items.map((item) => this.#model.find(item.id) as ModelItem);
      items.forEach((item, index) => {
        result[this.#model.giveBack(found[index] as ModelItem, item, { maxAttempts, dead }, this.#now)]++;
      });
      return result;
    });
    const outcomes = await this.#store.retry(requests, { maxAttempts, dead });
    expect(outcomes.map((outcome) => (outcome.ok ? outcome.value : outcome.error.message))).toEqual(expected);
  }

  async #page({ state, pivot: pick, limit }: CommandOf<'page'>): Promise<void> {
    const pivot = this.#ids([pick])[0] as ItemId;
    const all = state === 'scheduled' ? this.#model.of('scheduled') : this.#model.queued();
    const expected = all.filter((item) => (item.id as ItemId) >= pivot).slice(0, limit);
    const page = await this.#store.list({ state, pivot, limit });
    expect(page.map((item) => item.id)).toEqual(expected.map((item) => item.id));
  }

  async #import(command: CommandOf<'import'>): Promise<void> {
    const items = command.items.map(({ sourceId, leaseFor, enqueueIn, expireIn, attempts }) =>
      importedItem(this.#new.text(), {
        sourceId,
        // The contract does not define items that are leased and scheduled.
        isLeased: leaseFor !== undefined && enqueueIn === undefined,
        leaseDeadline: enqueueIn === undefined ? this.#at(leaseFor) : undefined,
        enqueueAt: this.#at(enqueueIn),
        expireDeadline: this.#at(expireIn),
        attempts,
      }),
    );
    const expected = items.map((item, index) => {
      if (item.sourceId !== undefined && this.#model.holdsSource(item.sourceId)) return undefined;
      const [text] = textsOf([item]) as [string];
      const { enqueueAt, leaseDeadline, sourceId, attempts } = item;
      const expireIn = command.items[index]?.expireIn ?? IMPORT_EXPIRE_MS;
      if (enqueueAt) this.#add(text, { expireIn, sourceId, attempts, state: 'scheduled', until: enqueueAt });
      else if (leaseDeadline)
        this.#add(text, { expireIn, sourceId, attempts, state: 'leased', until: leaseDeadline });
      else this.#add(text, { expireIn, sourceId, attempts });
      return text;
    });
    const stored = await this.#store.import(items, milliseconds(IMPORT_EXPIRE_MS));
    expect(stored.map((item) => item && textsOf([item])[0])).toEqual(expected);
  }

  async #delete(command: CommandOf<'delete'>): Promise<void> {
    const ids = this.#ids(command.ids);
    const present = this.#model.items.filter((item) => ids.includes(item.id as ItemId));
    for (const item of present) this.#model.take(item);
    expect(await this.#store.delete(ids)).toBe(present.length);
  }

  async #clear({ waiting, leased, scheduled }: CommandOf<'clear'>): Promise<void> {
    const gone = this.#model.items.filter(
      ({ state }) =>
        (state === 'waiting' && waiting) ||
        (state === 'scheduled' && scheduled) ||
        (['leased', 'prepared', 'moving', 'moved'].includes(state) && leased),
    );
    for (const item of gone) this.#model.take(item);
    expect(await this.#store.clear({ waiting, leased, scheduled })).toBe(gone.length);
  }

  async #markMoved(command: CommandOf<'markMoved'>): Promise<void> {
    const ids = this.#ids(command.ids);
    const { marked: now, markedBefore } = this.#model.markMoved(ids);
    const idsOf = (items: readonly ModelItem[]) => items.map((item) => item.id as ItemId);
    expect(sorted(await this.#store.markMoved(ids))).toEqual(marked(idsOf(now), idsOf(markedBefore)));
  }

  async #remove(command: CommandOf<'remove'>): Promise<void> {
    const ids = this.#ids(command.ids);
    for (const item of this.#model.of('moving', 'moved'))
      if (ids.includes(item.id as ItemId)) this.#model.take(item);
    await this.#store.remove(ids);
  }

  async #prepareLetters({ sourceIds, expireIn, autoCommitIn }: CommandOf<'prepareLetters'>): Promise<void> {
    const letters = sourceIds.map((sourceId) => deadLetter(this.#new.text(), sourceId));
    const until = addDuration(this.#now, milliseconds(autoCommitIn));
    for (const letter of letters) {
      const { sourceId } = letter;
      if (this.#model.holdsSource(sourceId)) continue;
      this.#add(textsOf([letter])[0] as string, { expireIn, sourceId, state: 'prepared', until });
    }
    await this.#store.prepareLetters(letters, {
      expireTimeout: milliseconds(expireIn),
      autoCommitTimeout: milliseconds(autoCommitIn),
    });
  }

  async #commitLetters({ sourceIds }: CommandOf<'commitLetters'>): Promise<void> {
    const prepared = this.#model.prepared(sourceIds);
    for (const item of prepared) this.#model.requeue(item);
    expect(await this.#store.commitLetters(sourceIds)).toBe(prepared.length);
  }

  async #abortLetters({ sourceIds }: CommandOf<'abortLetters'>): Promise<void> {
    const prepared = this.#model.prepared(sourceIds);
    for (const item of prepared) this.#model.take(item);
    expect(await this.#store.abortLetters(sourceIds)).toBe(prepared.length);
  }

  /** Sweeps until no work is left: a driver may spread the work over several calls. */
  async #sweep({ limit, maxAttempts, dead, claimFor }: CommandOf<'sweep'>): Promise<void> {
    const claimTimeout = milliseconds(claimFor);
    const swept = this.#model.sweep({ maxAttempts, dead }, this.#now, addDuration(this.#now, claimTimeout));
    const total = { enqueued: 0, requeued: 0, deleted: 0 };
    const reported: StoredItem[] = [];
    const moved: ItemId[] = [];
    let nextDueMs: number | undefined = 0;
    for (let sweeps = 0; nextDueMs !== undefined && nextDueMs <= 1 && sweeps < MOST_SWEEPS; sweeps++) {
      const result = await this.#store.sweep({ limit, maxAttempts, dead, claimTimeout });
      total.enqueued += result.enqueued;
      total.requeued += result.requeued;
      total.deleted += result.deleted;
      reported.push(...result.dead);
      moved.push(...result.moved);
      const left = result.dead.length + result.moved.length;
      const worked = result.enqueued + result.requeued + result.deleted + left;
      nextDueMs = worked === 0 ? undefined : result.nextDueMs;
    }
    expect(total.enqueued).toBe(swept.enqueued.length);
    expect(total.requeued).toBeGreaterThanOrEqual(swept.requeued.length);
    expect(total.requeued).toBeLessThanOrEqual(swept.requeued.length + swept.mayHaveBeenRequeued);
    expect(total.deleted).toBe(dead === 'delete' ? swept.dead.length + swept.moved.length : 0);
    expect(moved.sort()).toEqual(dead === 'delete' ? [] : swept.moved.map((item) => item.id));
    const expected = dead === 'delete' ? [] : swept.dead;
    expect(textsOf(reported).sort()).toEqual(expected.map((item) => item.text).sort());
    for (const item of expected) item.id = reported.find((each) => textsOf([each])[0] === item.text)?.id;
    await this.#comparison.learnOrder(swept.enqueued.filter((item) => !swept.dead.includes(item)));
    await this.#comparison.compareNextDue({ limit, maxAttempts, dead }, this.#now);
  }

  #add(
    text: string,
    item: { expireIn: number; lifeFrom?: Instant } & Partial<
      Pick<ModelItem, 'state' | 'until' | 'sourceId' | 'attempts' | 'metadata'>
    >,
  ): ModelItem {
    const added: ModelItem = {
      text,
      id: undefined,
      state: item.state ?? 'waiting',
      until: item.until ?? this.#now,
      attempts: item.attempts ?? 0,
      sourceId: item.sourceId,
      metadata: item.metadata,
      createdAt: this.#now,
      expireDeadline: addDuration(item.lifeFrom ?? this.#now, milliseconds(item.expireIn)),
    };
    this.#model.items.push(added);
    return added;
  }

  /** The picked ids, without duplicates. */
  #ids(picks: readonly IdPick[]): ItemId[] {
    const ids = picks.map(({ of, n }) => {
      const items = this.#itemsToPick(of);
      const choice = of === 'ever' ? this.#comparison.seen : items.map((item) => item.id as ItemId);
      return choice[n % choice.length] ?? NO_ID;
    });
    return [...new Set(ids)];
  }

  #itemsToPick(of: IdPick['of']): ModelItem[] {
    if (of === 'leased') return this.#model.of('leased');
    return of === 'moving' ? this.#model.of('moving', 'moved') : this.#model.items;
  }

  #at(offset: number | undefined): Instant | undefined {
    return offset === undefined ? undefined : addDuration(this.#now, milliseconds(offset));
  }

  get #now(): Instant {
    return this.#clock.now();
  }
}

function refusal(bad: { id: ItemId; waits: boolean }, action: 'completed' | 'retried'): string {
  return (bad.waits ? itemNotLeased(bad.id, action) : noSuchItem(bad.id)).message;
}
