import { type Clock, type Random, type RetriedItem, RunningWork, UNSET_INSTANT } from '@querator/core';
import type { Lease, QueuePort } from '../port/queue-port.ts';
import { backOffMs, isTransient } from '../retry-policy.ts';
import { sleep } from '../sleep.ts';
import type { HeldItem } from './held-item.ts';
import { HeldItems } from './held-items.ts';
import { ResultSender } from './result-sender.ts';
import { ServerClock } from './server-clock.ts';

/** What a handler made of its item. A failed item is given back as `giveBack` says, once that runs. */
export type Verdict =
  | { readonly isDone: true }
  | { readonly isDone: false; readonly giveBack: () => RetriedItem };

/** Dependencies and settings of the loop. */
export interface WorkLoopDeps {
  readonly port: QueuePort;
  readonly clock: Clock;
  readonly random: Random;
  readonly queueName: string;
  readonly clientId: string;
  /** The most handlers at a time, at least 1. */
  readonly concurrency: number;
  /** The most items per lease, 1 to 1,000. */
  readonly batchSize: number;
  /** How long the server waits for items, in Go's syntax. */
  readonly leaseWait: string;
  /** Ends the loop. */
  readonly signal: AbortSignal;
  /** Runs the handler of an item. Never rejects. */
  readonly handle: (held: HeldItem, signal: AbortSignal) => Promise<Verdict>;
  /** Receives each failed call that the loop survives. Never throws. */
  readonly onError: (error: unknown) => void;
}

/** The most results that may wait for the server before the loop stops leasing. */
const MOST_UNSENT = 1_000;

/**
 * Leases items as handlers come free, and never more than can start at once: a
 * lease that cannot be renewed must not run down while its item waits for a
 * handler. Sends each result as soon as its handler has ended.
 */
export class WorkLoop {
  readonly #deps: WorkLoopDeps;
  readonly #serverClock: ServerClock;
  readonly #held: HeldItems;
  readonly #sender: ResultSender;
  /** Leased items that no handler has. */
  readonly #waiting: HeldItem[] = [];
  readonly #running = new Set<HeldItem>();
  /** Handlers and the sending of their results. */
  readonly #work = new RunningWork();
  #wake: (() => void) | undefined;

  constructor(deps: WorkLoopDeps) {
    this.#deps = deps;
    this.#serverClock = new ServerClock(deps.clock);
    this.#sender = new ResultSender(deps);
    this.#held = new HeldItems({
      clock: deps.clock,
      serverClock: this.#serverClock,
      onEnded: (held) => held.ending?.abort(new Error('the lease has ended')),
    });
  }

  /**
   * Runs until the signal is aborted. Then it starts no item, gives back those
   * that were not started, and waits for the handlers and their results.
   *
   * @throws the error of a lease that fails for a permanent reason, after the handlers have ended.
   */
  async run(): Promise<void> {
    const { signal } = this.#deps;
    const stop = () => this.#stop();
    signal.addEventListener('abort', stop);
    try {
      await this.#leaseUntilStopped();
    } finally {
      this.#giveBackWaiting();
      await this.#work.idle();
      this.#held.stop();
      signal.removeEventListener('abort', stop);
    }
  }

  async #leaseUntilStopped(): Promise<void> {
    const { signal, clock, random, onError } = this.#deps;
    let failures = 0;
    while (!signal.aborted) {
      await this.#mayLease();
      if (signal.aborted) return;
      try {
        const lease = await this.#lease();
        failures = 0;
        if (lease !== undefined) this.#take(lease);
      } catch (error) {
        if (signal.aborted) return;
        if (!isTransient(error)) throw error;
        onError(error);
        failures += 1;
        await sleep(clock, backOffMs(failures, random), signal);
      }
    }
  }

  /** Resolves once a handler is free, and the results are not held up. */
  async #mayLease(): Promise<void> {
    while (this.#free <= 0 || this.#sender.isRepeating || this.#sender.unsent >= MOST_UNSENT) {
      if (this.#deps.signal.aborted) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Handlers that neither run nor have an item. */
  get #free(): number {
    return this.#deps.concurrency - this.#running.size - this.#waiting.length;
  }

  async #lease(): Promise<Lease | undefined> {
    const { port, queueName, clientId, batchSize, leaseWait, clock, signal } = this.#deps;
    const sentAt = clock.now();
    const call = {
      queueName,
      clientId,
      batchSize: Math.min(batchSize, this.#free),
      requestTimeout: leaseWait,
    };
    const lease = await port.lease(call, signal);
    if (lease?.serverTime !== undefined) this.#serverClock.observe({ sentAt, serverTime: lease.serverTime });
    return lease;
  }

  #take({ partition, items }: Lease): void {
    for (const item of items) {
      const { id, attempts, leaseDeadline } = item;
      const held: HeldItem = {
        id,
        attempts,
        partition,
        item,
        leaseDeadline: isUnset(leaseDeadline) ? undefined : leaseDeadline,
        ending: undefined,
      };
      this.#held.add(held);
      this.#waiting.push(held);
    }
    if (this.#deps.signal.aborted) this.#giveBackWaiting();
    else this.#startWaiting();
  }

  #startWaiting(): void {
    while (this.#running.size < this.#deps.concurrency) {
      const held = this.#waiting.shift();
      if (held === undefined) return;
      // Nothing is sent for an item whose lease has ended: it is another consumer's.
      if (this.#held.isHeld(held)) void this.#work.run(() => this.#handle(held));
      else this.#held.remove(held);
    }
  }

  async #handle(held: HeldItem): Promise<void> {
    // `AbortSignal.any` with the signal of the loop would cost 12 us per item (Node 24).
    held.ending = new AbortController();
    this.#running.add(held);
    const verdict = await this.#deps.handle(held, held.ending.signal);
    this.#running.delete(held);
    if (!this.#deps.signal.aborted) this.#startWaiting();
    this.#wakeUp();
    await this.#send(held, verdict);
    this.#held.remove(held);
    this.#wakeUp();
  }

  /** The user's callbacks for a failed item run after what was done before is safe: they may end the process. */
  async #send({ partition, id }: HeldItem, verdict: Verdict): Promise<void> {
    if (verdict.isDone) {
      await this.#sender.complete(partition, id);
      return;
    }
    await this.#sender.completesSoFar();
    await this.#sender.retry(partition, verdict.giveBack());
  }

  #stop(): void {
    for (const { ending } of this.#running) ending?.abort(this.#deps.signal.reason);
    this.#giveBackWaiting();
    this.#wakeUp();
  }

  /** Gives items back that no handler has had. */
  #giveBackWaiting(): void {
    for (const held of this.#waiting.splice(0)) {
      const { partition, id } = held;
      if (!this.#held.isHeld(held)) continue;
      void this.#work.run(async () => {
        await this.#sender.retry(partition, { id, dead: false });
        this.#held.remove(held);
      });
    }
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

/** Whether the server sent no deadline. */
function isUnset(leaseDeadline: bigint): boolean {
  return leaseDeadline === 0n || leaseDeadline === UNSET_INSTANT;
}
