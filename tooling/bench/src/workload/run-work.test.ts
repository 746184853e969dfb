import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runWork } from './run-work.ts';
import type { Held, Target, Work } from './work.ts';

/** A queue of numbers that records its calls. */
class FakeTarget implements Target<Held> {
  waiting = 0;
  held = 0;
  completed = 0;
  produced = 0;
  mostWaiting = 0;
  readonly #batch: number;

  constructor(batch: number) {
    this.#batch = batch;
  }

  async produce(): Promise<void> {
    await turn();
    this.waiting += this.#batch;
    this.produced += this.#batch;
    this.mostWaiting = Math.max(this.mostWaiting, this.waiting);
  }

  async lease(): Promise<Held | undefined> {
    await turn();
    const count = Math.min(this.#batch, this.waiting);
    this.waiting -= count;
    this.held += count;
    return count === 0 ? undefined : { count };
  }

  async complete(_: number, { count }: Held): Promise<void> {
    await turn();
    this.held -= count;
    this.completed += count;
  }

  hold(_: number, ids: readonly string[]): Held {
    this.held += ids.length;
    return { count: ids.length };
  }

  async bare(): Promise<void> {
    await turn();
  }
}

/** A request takes a millisecond of the fake clock. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  vi.advanceTimersByTime(1);
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const work = (given: Partial<Work> & Pick<Work, 'operation'>): Work => ({
  ...{ batch: 10, clients: 4, seconds: 60 },
  ...given,
});

test('leases waiting items, and requests no more', async () => {
  const target = new FakeTarget(10);
  target.waiting = 100;
  const outcome = await runWork(target, work({ operation: 'lease', waiting: 95 }));
  expect(outcome).toMatchObject({ items: 90, requests: 9 });
  expect(target.waiting).toBe(10);
});

test('completes leased items, in whole batches', async () => {
  const target = new FakeTarget(10);
  const ids = Array.from({ length: 25 }, (_, n) => `id-${n}`);
  const outcome = await runWork(target, work({ operation: 'complete', leased: [ids, ids.slice(0, 10)] }));
  expect(outcome).toMatchObject({ items: 30, requests: 3 });
  expect(target.completed).toBe(30);
});

test('produces, leases and completes each item in a cycle', async () => {
  const target = new FakeTarget(1);
  const outcome = await runWork(target, work({ operation: 'cycle', batch: 1, seconds: 0.05 }));
  expect(outcome.items).toBe(target.completed);
  expect(target).toMatchObject({ waiting: 0, held: 0 });
  expect(outcome.items).toBeGreaterThan(0);
});

test('keeps producers closely ahead of the consumers in a mix', async () => {
  const target = new FakeTarget(10);
  const outcome = await runWork(target, work({ operation: 'mix', seconds: 0.05 }));
  expect(outcome.items).toBeGreaterThan(0);
  expect(outcome.items).toBeLessThanOrEqual(target.completed);
  expect(target.mostWaiting).toBeLessThanOrEqual(4 * 10);
});

test('fails if a lease gets no items although items wait', async () => {
  const target = new FakeTarget(10);
  await expect(runWork(target, work({ operation: 'lease', waiting: 50 }))).rejects.toThrow(/nothing came/);
});
