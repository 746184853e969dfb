import {
  type Instant,
  type ItemId,
  type ItemListRequest,
  milliseconds,
  millisecondsBetween,
  type PartitionStore,
  type StoredItem,
  type SweepRequest,
} from '@querator/core';
import { expect } from 'vitest';
import { textsOf } from '../fixture/content.ts';
import type { ModelItem, PartitionModel } from './partition-model.ts';
import { expectedItem, visibleItem } from './visible-item.ts';

/** More items than any run has. */
const EVERYTHING = 10_000;

/** Compares the driver's partition with the model. The model learns what the driver may choose, such as ids. */
export class PartitionComparison {
  readonly #store: PartitionStore;
  readonly #model: PartitionModel;
  /** Every id that the driver returned, in order of first appearance. */
  readonly seen: ItemId[] = [];

  constructor(store: PartitionStore, model: PartitionModel) {
    this.#store = store;
    this.#model = model;
  }

  /** Of the items that a sweep requeues, only the scheduled ones have a defined order. */
  async learnOrder(enqueued: readonly ModelItem[]): Promise<void> {
    const listed = await this.#list('queued', 'prepared');
    const ids = new Map(listed.map((item) => [textsOf([item])[0], item.id]));
    for (const item of this.#model.items) item.id ??= ids.get(item.text);
    this.#model.items.sort((a, b) => ((a.id ?? '') < (b.id ?? '') ? -1 : 1));
    expect(this.#model.items.filter((item) => enqueued.includes(item))).toEqual(enqueued);
  }

  /** Compares `nextDueMs`. Nothing may be due now. */
  async compareNextDue(rules: Omit<SweepRequest, 'claimTimeout'>, now: Instant): Promise<void> {
    const request = { ...rules, claimTimeout: milliseconds(1_000) };
    const { nextDueMs, ...nothing } = await this.#store.sweep(request);
    expect(nothing).toEqual({ enqueued: 0, requeued: 0, deleted: 0, dead: [], moved: [] });
    const due = this.#model.nextDue();
    if (due === undefined) {
      expect(nextDueMs).toBeUndefined();
    } else {
      expect(nextDueMs).toBeGreaterThanOrEqual(millisecondsBetween(now, due));
      expect(nextDueMs).toBeLessThanOrEqual(millisecondsBetween(now, due) + 1);
    }
  }

  /** Compares all lists with the model, and learns the ids of new items. */
  async compare(): Promise<void> {
    const queued = await this.#list('queued');
    const scheduled = await this.#list('scheduled');
    const prepared = await this.#list('prepared');
    expect(queued.map(visibleItem)).toEqual(this.#model.queued().map(expectedItem));
    expect(scheduled.map(visibleItem)).toEqual(this.#model.of('scheduled').map(expectedItem));
    expect(prepared.map(visibleItem)).toEqual(this.#model.of('prepared').map(expectedItem));
    const listed = [...queued, ...scheduled, ...prepared];
    this.#learnIds(listed);
    this.#compareDetails(listed);
    expect(await this.#store.stats()).toMatchObject({
      waiting: this.#model.of('waiting').length,
      leased: this.#model.of('leased', 'moving', 'moved').length,
      scheduled: this.#model.of('scheduled').length,
    });
  }

  async #list(...states: ItemListRequest['state'][]): Promise<readonly StoredItem[]> {
    const pages = states.map((state) =>
      this.#store.list({ state, pivot: '', limit: EVERYTHING, details: true }),
    );
    return (await Promise.all(pages)).flat();
  }

  /** An item keeps its first id, its metadata and its last error in every state. */
  #compareDetails(listed: readonly StoredItem[]): void {
    const byText = new Map(this.#model.items.map((item) => [item.text, item]));
    for (const { id, details, ...item } of listed) {
      if (details === undefined) continue;
      const expected = byText.get(textsOf([item])[0] as string) as ModelItem;
      expected.firstId ??= id;
      const { firstId, metadata, error } = details;
      expect({ firstId, metadata: [...metadata], error }).toEqual({
        firstId: expected.firstId,
        metadata: [...(expected.metadata ?? [])],
        error: expected.error,
      });
    }
  }

  #learnIds(listed: readonly StoredItem[]): void {
    const byText = new Map(listed.map((item) => [textsOf([item])[0], item.id]));
    for (const item of this.#model.items) {
      const id = byText.get(item.text) as ItemId;
      if (item.id !== undefined) expect([item.text, id]).toEqual([item.text, item.id]);
      item.id = id;
    }
    const ids = this.#model.items.map((item) => item.id as ItemId);
    expect(ids).toEqual([...ids].sort());
    const greatest = this.seen.at(-1) ?? '';
    const fresh = ids.filter((id) => !this.seen.includes(id));
    for (const id of fresh) expect(id > greatest, `the new id ${id} follows ${greatest}`).toBe(true);
    this.seen.push(...fresh);
  }
}
