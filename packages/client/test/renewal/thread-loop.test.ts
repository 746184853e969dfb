import { addDuration, type Instant, milliseconds, millisecondsBetween } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LeaseTable } from '../../src/renewal/lease-table.ts';
import type { RenewedItem } from '../../src/renewal/renewal.ts';
import { ThreadLoop } from '../../src/renewal/thread-loop.ts';
import { ThreadRenewal } from '../../src/renewal/thread-renewal.ts';
import type { ToThread } from '../../src/thread/thread-messages.ts';

/** An event loop and its thread on one clock, with a server that holds leases. */
class TwoThreads {
  readonly clock = new ManualClock();
  /** When the lease of each id ends at the server. */
  readonly leases = new Map<string, Instant>();
  readonly ended: string[] = [];
  readonly extended: string[] = [];
  messages = 0;
  readonly renewal: ThreadRenewal<RenewedItem>;
  readonly #held = new Map<string, RenewedItem>();
  #loop: ThreadLoop | undefined;
  #ids = 0;

  /** @param delayMs how long a message to the thread takes. */
  constructor(delayMs: number) {
    this.renewal = new ThreadRenewal<RenewedItem>({
      ...{ queueName: 'q', leaseTimeout: undefined },
      onLost: ({ id }) => this.ended.push(id),
      onError: (error) => expect.unreachable(String(error)),
      onFailed: (error) => expect.unreachable(String(error)),
      thread: {
        open: () => ({
          ...{ loop: 1, load: () => Promise.resolve(), sync: () => {}, close: () => {} },
          post: (message) => {
            this.messages++;
            this.clock.startTimer(delayMs, () => this.#hear(message));
          },
        }),
      },
    });
  }

  /** Leases items for so long, by one call. */
  lease(forMs: number, items = 1): void {
    const leased = Array.from({ length: items }, () => this.#item(forMs));
    for (const item of leased) {
      this.#held.set(item.id, item);
      this.leases.set(item.id, item.leaseDeadline);
    }
    this.renewal.add(leased);
  }

  #item(forMs: number) {
    const now = this.clock.now();
    return {
      ...{ id: `${this.#ids++}`.padStart(27, '0'), partition: 3, leasedFor: milliseconds(forMs) },
      leaseDeadline: addDuration(now, milliseconds(forMs)),
      renewAt: addDuration(now, milliseconds(forMs / 2)),
      renewUntil: addDuration(now, milliseconds(3_600_000)),
    };
  }

  /** Completes the held item at this position. Does nothing if fewer items are held. */
  complete(n: number): void {
    const item = [...this.#held.values()][n];
    if (item === undefined) return;
    if (millisecondsBetween(this.clock.now(), this.leases.get(item.id) as Instant) <= 0)
      this.ended.push(item.id);
    this.#held.delete(item.id);
    this.leases.delete(item.id);
    this.renewal.remove(item);
  }

  /** The held items whose leases have ended. */
  get overdue(): readonly string[] {
    return [...this.#held.keys()].filter((id) => (this.leases.get(id) as Instant) <= this.clock.now());
  }

  #hear(message: ToThread): void {
    if (message.kind === 'begin') this.#loop = this.#begin(new LeaseTable(message.table));
    else if (message.kind === 'look')
      this.#loop?.look(message.by, message.table && new LeaseTable(message.table));
    else this.#loop?.stop();
  }

  #begin(table: LeaseTable): ThreadLoop {
    return new ThreadLoop({
      ...{ table, queueName: 'q', clock: this.clock, random: new SeededRandom(), leaseTimeout: undefined },
      onError: (error) => expect.unreachable(String(error)),
      onLost: ({ id }) => this.ended.push(id),
      onRenewed: () => {},
      port: {
        extend: async ({ ids, leaseTimeout }) => {
          const deadline = addDuration(this.clock.now(), leaseTimeout);
          this.extended.push(...ids);
          for (const id of ids) if (this.leases.has(id)) this.leases.set(id, deadline);
          return new Map(ids.map((id) => [id, deadline]));
        },
      },
    });
  }
}

test('each lease is renewed in time as long as it is held, whatever comes and goes, and not after that', async () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ leaseMs: fc.constantFrom(200, 1_000, 10_000, 60_000) }) },
    { weight: 4, arbitrary: fc.record({ complete: fc.nat(5) }) },
    { weight: 3, arbitrary: fc.record({ advanceMs: fc.constantFrom(1, 20, 90, 400, 3_000, 20_000) }) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }),
      fc.constantFrom(0, 1, 50),
      async (steps, delayMs) => {
        const run = new TwoThreads(delayMs);
        for (const each of steps) {
          if ('leaseMs' in each) run.lease(each.leaseMs);
          else if ('complete' in each) run.complete(each.complete);
          else await run.clock.advance(`${each.advanceMs}ms`);
          expect([run.overdue, run.ended]).toEqual([[], []]);
          const held = run.leases;
          expect(run.extended.splice(0).filter((id) => !held.has(id))).toEqual([]);
        }
        run.renewal.stop();
        await run.clock.advance('100ms');
        expect(run.clock.pendingTimers).toBe(0);
      },
    ),
  );
});

test('leases that come and go within half of their time need a message in that time, and are not renewed', async () => {
  const run = new TwoThreads(1);
  for (let second = 0; second < 60; second++) {
    for (let n = 0; n < 100; n++) {
      run.lease(60_000, 16);
      await run.clock.advance('5ms');
      for (let each = 0; each < 16; each++) run.complete(0);
      await run.clock.advance('5ms');
    }
  }
  expect(run.extended).toEqual([]);
  // One message starts the thread, and each half minute has a few for its first leases.
  expect(run.messages).toBeLessThan(10);
});
