import process from 'node:process';
import {
  addDuration,
  type Clock,
  type Duration,
  type Instant,
  microseconds,
  type Random,
  type RetriedItem,
  RunningWork,
  UNSET_INSTANT,
} from '@querator/core';
import type { Lease, QueuePort } from '../port/queue-port.ts';
import { LeaseRenewal } from '../renewal/lease-renewal.ts';
import { ServerClock } from '../renewal/server-clock.ts';
import { isTransient, pauseMsAfter } from '../retry-policy.ts';
import { sleep } from '../sleep.ts';
import type { HeldItem } from './held-item.ts';
import { HeldItems } from './held-items.ts';
import { Pace } from './pace.ts';
import { ResultSender, type SendFailure } from './result-sender.ts';
import { WorkAborted } from './work-aborted.ts';

/** What a handler made of its item. A failed item is given back as `giveBack` says, once that runs. */
export type Verdict =
  | { readonly isDone: true }
  | { readonly isDone: false; readonly giveBack: () => RetriedItem };

/** A handler at work. Its verdict may be known before it has ended, as after a timeout. Neither rejects. */
export interface RunningHandler {
  readonly verdict: Promise<Verdict>;
  readonly ended: Promise<unknown>;
}

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
  /** How long an item may be held: after that its lease is not renewed. */
  readonly maxHold: Duration;
  /** How long a renewed lease lasts. Undefined: as long as the queue's leases. */
  readonly leaseTimeout: Duration | undefined;
  /** Whether the first lease waits until it is known what the server can. Otherwise the loop asks beside its work. */
  readonly discoversFirst: boolean;
  /** Called when it is known what the server can. Throws if that is too little. */
  readonly onDiscovered?: (() => void) | undefined;
  /** Ends the loop: it starts no more items. */
  readonly signal: AbortSignal;
  /** Starts the handler of an item. Never throws. */
  readonly handle: (held: HeldItem, signal: AbortSignal) => RunningHandler;
  /** Receives each failed call that the loop survives. Never throws. */
  readonly onError: (error: unknown) => void;
  /** Receives an item whose result was sent; with the error, if that failed for good. Never throws. */
  readonly onSent?: ((held: HeldItem, verdict: Verdict, failure: SendFailure) => void) | undefined;
  /** Receives an item whose lease ended before its handler did, or before it was started. Never throws. */
  readonly onLost?: ((held: HeldItem) => void) | undefined;
}

/** How long an item is held at most, where nothing else was said. */
export const DEFAULT_MAX_HOLD = '12h';

/**
 * Leases that last longer are safe before the thread is ready to renew them: it takes 0.1
 * to 0.5 s, and does not need the event loop. In microseconds.
 */
const LONG_LEASE_US = 20_000_000n;

/** The most results that may wait for the server before the loop stops leasing. */
const MOST_UNSENT = 1_000;

/**
 * Leases items as handlers come free, and sends each result as soon as its handler
 * has ended. Where leases can be renewed, it leases ahead for short handlers.
 * Otherwise it never leases more than can start at once: a lease that cannot be
 * renewed must not run down while its item waits for a handler.
 */
export class WorkLoop {
  readonly #deps: WorkLoopDeps;
  readonly #serverClock: ServerClock;
  readonly #held: HeldItems;
  readonly #renewal: LeaseRenewal<HeldItem>;
  readonly #sender: ResultSender;
  readonly #pace: Pace;
  /** Leased items that no handler has. */
  readonly #waiting: HeldItem[] = [];
  readonly #running = new Set<HeldItem>();
  readonly #handlers = new RunningWork();
  readonly #sending = new RunningWork();
  readonly #abandoned = Promise.withResolvers<void>();
  #wake: (() => void) | undefined;

  constructor(deps: WorkLoopDeps) {
    this.#deps = deps;
    const serverClock = new ServerClock(deps.clock);
    this.#serverClock = serverClock;
    this.#pace = new Pace(deps.clock);
    this.#sender = new ResultSender({ ...deps, onCalled: (sentAt) => this.#pace.called(sentAt) });
    this.#held = new HeldItems({
      ...{ clock: deps.clock, serverClock },
      sync: () => this.#renewal.sync(),
      onEnded: (held) => this.#lost(held),
    });
    this.#renewal = new LeaseRenewal<HeldItem>({
      ...deps,
      serverClock,
      thread: deps.port.thread,
      onLost: (held) => {
        held.isLost = true;
        this.#lost(held);
      },
    });
  }

  /** The number of handlers at work. */
  get running(): number {
    return this.#running.size;
  }

  /**
   * Runs until the signal is aborted. Then it starts no item, gives back those
   * that were not started, and waits for the handlers and their results.
   *
   * @throws the error of a lease that fails for a permanent reason, after the handlers have ended.
   */
  async run(): Promise<void> {
    const { signal } = this.#deps;
    const stop = () => {
      this.#giveBackWaiting();
      this.#wakeUp();
    };
    signal.addEventListener('abort', stop);
    try {
      await this.#leaseUntilStopped();
    } finally {
      this.#giveBackWaiting();
      await Promise.race([this.#handlers.idle(), this.#abandoned.promise]);
      await this.#sending.idle();
      this.#held.stop();
      this.#renewal.stop();
      signal.removeEventListener('abort', stop);
    }
  }

  /** Aborts the signals of all handlers at work, and repeats what fails a few times only. */
  abortHandlers(reason: unknown): void {
    this.#sender.hurry();
    for (const { ending } of this.#running) ending?.abort(reason);
  }

  /** Gives back the items of handlers that do not end, and waits for them no longer. */
  abandonHandlers(error: string): void {
    for (const held of this.#running) this.#giveBack(held, error);
    this.#abandoned.resolve();
  }

  async #leaseUntilStopped(): Promise<void> {
    const { port, discoversFirst, signal, clock, random, onError } = this.#deps;
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (discoversFirst) {
          await port.discover?.();
          this.#deps.onDiscovered?.();
        }
        if (discoversFirst) this.#renewal.prepare();
        await this.#mayLease();
        if (signal.aborted) return;
        // Asked again: the pace may have changed before this line ran.
        if (this.#wanted <= 0) continue;
        const lease = await this.#lease();
        // From the first item on, a handler that blocks the event loop keeps its lease.
        if (discoversFirst && lease !== undefined && this.#endsSoon(lease)) await this.#renewal.start();
        failures = 0;
        if (lease !== undefined) this.#take(lease);
        // Until it is known what the server can, the loop does without.
        if (!discoversFirst) void port.discover?.().catch(() => {});
      } catch (error) {
        if (signal.aborted) return;
        if (!isTransient(error)) throw error;
        onError(error);
        failures += 1;
        await sleep(clock, pauseMsAfter(error, failures, random), signal);
      }
    }
  }

  /** Resolves once a handler is free, and the results are not held up. */
  async #mayLease(): Promise<void> {
    while (this.#wanted <= 0 || this.#sender.isRepeating || this.#sender.unsent >= MOST_UNSENT) {
      if (this.#deps.signal.aborted) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      // The others may end in the same turn of the event loop, and then share the lease.
      if (this.#running.size > 0) await endOfTurn();
    }
  }

  /** How many more items the loop can make use of, if they are worth a lease. */
  get #wanted(): number {
    const { concurrency, port } = this.#deps;
    const ahead = port.extend === undefined ? 0 : this.#pace.ahead(concurrency);
    const free = concurrency - this.#running.size - this.#waiting.length;
    const wanted = free + ahead;
    // A lease for the first handlers that end would keep the places of those that end next empty until it returns.
    return free <= 0 && wanted < ahead / 2 ? 0 : wanted;
  }

  /** How many items to lease now. While handlers are free, those ahead are left to the lease after this one: it is shorter so. */
  get #nextBatch(): number {
    const { concurrency } = this.#deps;
    const isHandlerFree = this.#running.size + this.#waiting.length < concurrency;
    return isHandlerFree ? Math.min(this.#wanted, concurrency) : this.#wanted;
  }

  async #lease(): Promise<Lease | undefined> {
    const { port, queueName, clientId, batchSize, leaseWait, clock, signal } = this.#deps;
    const sentAt = clock.now();
    const call = {
      queueName,
      clientId,
      batchSize: Math.min(batchSize, this.#nextBatch),
      requestTimeout: leaseWait,
    };
    const lease = await port.lease(call, signal);
    if (lease?.items.length === call.batchSize) this.#pace.leased(sentAt);
    if (lease?.serverTime !== undefined) this.#serverClock.observe({ sentAt, serverTime: lease.serverTime });
    return lease;
  }

  /** Whether the first renewal is due in a few seconds. */
  #endsSoon({ items }: Lease): boolean {
    const soon = this.#serverClock.now() + LONG_LEASE_US;
    return items.some(({ leaseDeadline }) => !isUnset(leaseDeadline) && leaseDeadline < soon);
  }

  #take({ partition, items }: Lease): void {
    const now = this.#deps.clock.now();
    const serverNow = this.#serverClock.now();
    const renewUntil = addDuration(now, this.#deps.maxHold);
    const taken = items.map((item): HeldItem => {
      const { id, attempts, leaseDeadline } = item;
      const leftUs = leaseDeadline - serverNow;
      return {
        renewUntil,
        leasedFor: leftUs > 0n ? microseconds(leftUs) : undefined,
        renewAt: (now + leftUs / 2n) as Instant,
        ...{ id, attempts, partition, item },
        leaseDeadline: isUnset(leaseDeadline) ? undefined : leaseDeadline,
        isLost: false,
        hasEnded: false,
        hasResult: false,
        ending: undefined,
      };
    });
    for (const held of taken) this.#held.add(held);
    this.#renewal.add(taken);
    this.#waiting.push(...taken);
    if (this.#deps.signal.aborted) this.#giveBackWaiting();
    // Once the next lease was sent, where one is due: the server then works while the handlers do.
    else process.nextTick(() => this.#startWaiting());
  }

  #startWaiting(): void {
    if (this.#deps.signal.aborted) return;
    while (this.#running.size < this.#deps.concurrency) {
      const held = this.#waiting.shift();
      if (held === undefined) return;
      // Nothing is sent for an item whose lease has ended: it is another consumer's.
      if (this.#held.isHeld(held)) void this.#handle(held);
      else this.#lost(held);
    }
  }

  async #handle(held: HeldItem): Promise<void> {
    const { handle, clock } = this.#deps;
    const start = clock.now();
    // `AbortSignal.any` with the signal of the loop would cost 12 us per item (Node 24).
    held.ending = new AbortController();
    this.#running.add(held);
    this.#handlers.begin();
    const { verdict, ended } = handle(held, held.ending.signal);
    const isBeingSent = verdict.then((known) => {
      if (!held.hasResult) void this.#sending.run(() => this.#send(held, known));
    });
    await ended;
    await isBeingSent;
    this.#pace.handled(start);
    this.#running.delete(held);
    this.#handlers.end();
    this.#startWaiting();
    this.#wakeUp();
  }

  async #send(held: HeldItem, verdict: Verdict): Promise<void> {
    held.hasResult = true;
    const failure = await this.#sent(held, verdict);
    this.#release(held);
    if (!held.isLost) this.#deps.onSent?.(held, verdict, failure);
    this.#wakeUp();
  }

  async #sent(held: HeldItem, verdict: Verdict): Promise<SendFailure> {
    const { partition, id } = held;
    const isHeld = () => this.#held.isKnownHeld(held);
    // The complete of an item whose lease has ended may be in time, unless the server said that it is not.
    if (verdict.isDone) return held.isLost ? undefined : this.#sender.complete(partition, id, isHeld);
    // The user's callbacks may end the process, so what was done before is made safe first.
    await this.#sender.completesSoFar();
    const givenBack = verdict.giveBack();
    return held.hasEnded ? undefined : this.#sender.retry(partition, givenBack, isHeld);
  }

  /** Gives items back that no handler has had. */
  #giveBackWaiting(): void {
    for (const held of this.#waiting.splice(0)) {
      if (this.#held.isHeld(held)) this.#giveBack(held);
      else this.#lost(held);
    }
  }

  /** Makes an item available at once. */
  #giveBack(held: HeldItem, error?: string): void {
    if (held.hasResult || held.isLost) return;
    held.hasResult = true;
    void this.#sending.run(async () => {
      const isHeld = () => this.#held.isKnownHeld(held);
      await this.#sender.retry(held.partition, { id: held.id, dead: false, error }, isHeld);
      this.#release(held);
    });
  }

  /** The lease of an item has ended. What is already being sent may be in time. */
  #lost(held: HeldItem): void {
    this.#release(held);
    if (held.hasResult) return;
    held.hasEnded = true;
    const position = this.#waiting.indexOf(held);
    if (position >= 0) this.#waiting.splice(position, 1);
    held.ending?.abort(new WorkAborted('lease-lost'));
    this.#deps.onLost?.(held);
    this.#wakeUp();
  }

  #release(held: HeldItem): void {
    this.#held.remove(held);
    this.#renewal.remove(held);
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Whether the server sent no deadline. */
function isUnset(leaseDeadline: bigint): boolean {
  return leaseDeadline === 0n || leaseDeadline === UNSET_INSTANT;
}
