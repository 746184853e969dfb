import { type ItemId, parseDuration } from '@querator/core';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { newItem, textsOf } from '../fixture/content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import type { PartitionScript } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const RUNS = 12;

const count = fc.integer({ min: 1, max: 6 });
const end = fc.constantFrom('source', 'target');
/** What one caller does. Numbers count items. */
const call = fc.oneof(
  fc.record({ kind: fc.constant('produce'), items: count, later: fc.boolean() }),
  fc.record({ kind: fc.constant('complete'), items: count, end }),
  fc.record({ kind: fc.constant('retry'), items: count, later: fc.boolean() }),
  fc.record({ kind: fc.constant('lease'), items: count }),
  fc.record({ kind: fc.constant('sweep'), end }),
  fc.record({ kind: fc.constant('transfer'), items: count, reversed: fc.boolean() }),
  fc.record({ kind: fc.constant('transfer scheduled'), items: count }),
);
/** Calls at the same time, and how much time passes after them. */
const rounds = fc.array(
  fc.record({ calls: fc.array(call, { minLength: 1, maxLength: 5 }), seconds: fc.constantFrom(0, 31, 61) }),
  { minLength: 3, maxLength: 8 },
);

type Round = typeof rounds extends fc.Arbitrary<readonly (infer Each)[]> ? Each : never;
type Call = Round['calls'][number];

/** Transfers at the same time as all that consumers, producers and sweeps do. */
export function describeRandomTransfers(test: StorageTest): void {
  describe('transfer, at random', () => {
    test.ifCapable('transfer', 'loses no item, doubles none, and keeps their order', async (fixture) => {
      await fc.assert(
        fc.asyncProperty(rounds, async (all) => {
          const run = new TransferRun(fixture);
          for (const round of all) await run.round(round);
        }),
        { numRuns: RUNS },
      );
    });
  });
}

/** Two partitions, and what is known of their items. Each item has a text of its own. */
class TransferRun {
  readonly #fixture: Fixture;
  readonly #source: PartitionScript;
  readonly #target: PartitionScript;
  #produced = 0;
  readonly #completed: string[] = [];
  /** The waiting items that each transfer took, in the order of the source. */
  readonly #arrivals: string[][] = [];
  /** In which round these came. Items of one round may be in any order, apart from those of one transfer. */
  readonly #roundOf = new Map<string, number>();
  #rounds = 0;

  constructor(fixture: Fixture) {
    this.#fixture = fixture;
    this.#source = fixture.script();
    this.#target = fixture.script();
  }

  async round({ calls, seconds }: Round): Promise<void> {
    this.#rounds++;
    const waiting = (await this.#source.queued()).filter(({ isLeased }) => !isLeased);
    const scheduled = await this.#source.scheduled();
    const textOf = new Map([...waiting, ...scheduled].map((item) => [item.id, textsOf([item])[0] as string]));
    const ids = { waiting: [...waiting.map(idOf)], scheduled: scheduled.map(idOf) };
    await Promise.all(calls.map((each) => this.#run(each, ids, textOf)));
    await this.#check();
    await this.#fixture.clock.advance(`${seconds}s`);
  }

  async #run(
    call: Call,
    ids: { readonly waiting: readonly ItemId[]; readonly scheduled: readonly ItemId[] },
    textOf: ReadonlyMap<ItemId, string>,
  ): Promise<void> {
    const source = this.#source;
    switch (call.kind) {
      case 'produce': {
        const at = call.later ? source.in('30s') : undefined;
        const texts = Array.from({ length: call.items }, () => `item ${this.#produced++}`);
        return source.produceItems(texts.map((text) => newItem(text, at)));
      }
      case 'complete': {
        const script = call.end === 'source' ? source : this.#target;
        const items = await script.lease(call.items);
        await script.complete(...items.map(idOf));
        this.#completed.push(...textsOf(items));
        return;
      }
      case 'retry': {
        const retryAt = call.later ? source.in('30s') : undefined;
        await source.retry(...(await source.lease(call.items)).map(({ id }) => ({ id, retryAt })));
        return;
      }
      case 'lease':
        await source.lease(call.items);
        return;
      case 'sweep':
        await (call.end === 'source' ? source : this.#target).sweep();
        return;
      case 'transfer': {
        const some = ids.waiting.slice(0, call.items);
        const taken = await this.#transfer(call.reversed ? some.toReversed() : some, 'waiting');
        const texts = taken.map((id) => textOf.get(id) as string);
        for (const text of texts) this.#roundOf.set(text, this.#rounds);
        this.#arrivals.push(texts);
        return;
      }
      case 'transfer scheduled':
        await this.#transfer(ids.scheduled.slice(0, call.items), 'scheduled');
    }
  }

  async #transfer(ids: readonly ItemId[], state: 'waiting' | 'scheduled'): Promise<readonly ItemId[]> {
    const target = this.#target.store.transferTarget as object;
    const result = await this.#source.store.transfer?.({
      ...{ ids, state, target },
      expireTimeout: parseDuration('24h'),
    });
    const transferred = result?.transferred ?? [];
    expect(transferred).toEqual([...transferred].sort());
    return transferred;
  }

  async #check(): Promise<void> {
    const atTarget = await this.#target.queuedTexts();
    const all = [
      ...[this.#completed, await this.#source.queuedTexts(), await this.#source.scheduledTexts()],
      ...[atTarget, await this.#target.scheduledTexts()],
    ].flat();
    const expected = Array.from({ length: this.#produced }, (_, n) => `item ${n}`);
    expect(all.sort()).toEqual(expected.sort());
    // Scheduled items enter by a sweep, so their place says nothing.
    const inOrder = atTarget.filter((text) => this.#roundOf.has(text));
    const roundsInOrder = inOrder.map((text) => this.#roundOf.get(text) as number);
    expect(roundsInOrder).toEqual([...roundsInOrder].sort((a, b) => a - b));
    for (const texts of this.#arrivals) {
      const isThere = new Set(inOrder);
      expect(inOrder.filter((text) => texts.includes(text))).toEqual(
        texts.filter((text) => isThere.has(text)),
      );
    }
  }
}

function idOf({ id }: { readonly id: ItemId }): ItemId {
  return id;
}
