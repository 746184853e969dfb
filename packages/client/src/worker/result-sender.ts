import {
  type Clock,
  type Instant,
  type ItemId,
  QueueError,
  type Random,
  type RetriedItem,
} from '@querator/core';
import { ClientError } from '../errors/client-error.ts';
import type { QueuePort, Refusals } from '../port/queue-port.ts';
import { isTransient, pauseMsAfter } from '../retry-policy.ts';
import { sleep } from '../sleep.ts';

/** The most ids in one call. */
const MOST_IDS = 1_000;

/** After this many failures of one call, its results are given up once the leases have ended, or in a hurry. */
const MOST_ATTEMPTS = 6;

/** What became of the result of an item. Undefined: the server has it. */
export type SendFailure = unknown;

/** Dependencies of the sender. */
export interface ResultSenderDeps {
  readonly port: QueuePort;
  readonly queueName: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Receives each failed call, also those that are repeated. Never throws. */
  readonly onError: (error: unknown) => void;
  /** Receives when a call was sent that has just succeeded. */
  readonly onCalled: (sentAt: Instant) => void;
}

interface Waiting<T> {
  readonly id: ItemId;
  readonly value: T;
  /** Whether the lease of the item is known to run. */
  readonly isHeld: () => boolean;
  readonly resolve: (failure: SendFailure) => void;
}

/** The results of one kind for one partition: one call at a time. */
interface Lane<T> {
  readonly waiting: Waiting<T>[];
  readonly send: (values: readonly T[]) => Promise<Refusals>;
  isBusy: boolean;
}

/**
 * Sends the results of handlers: completes and retries. The results that arrive
 * while a call is in flight go together in the next one. A partition has at most
 * one call of each kind in flight.
 */
export class ResultSender {
  readonly #deps: ResultSenderDeps;
  readonly #completes = new Map<number, Lane<ItemId>>();
  readonly #retries = new Map<number, Lane<RetriedItem>>();
  readonly #unsentCompletes = new Set<Promise<SendFailure>>();
  readonly #hurry = new AbortController();
  #unsent = 0;
  #repeating = 0;

  constructor(deps: ResultSenderDeps) {
    this.#deps = deps;
  }

  /** The number of results that the server has not answered. */
  get unsent(): number {
    return this.#unsent;
  }

  /** Whether a call failed and waits for another attempt. */
  get isRepeating(): boolean {
    return this.#repeating > 0;
  }

  /** Waits no longer for what fails: the process is to end. */
  hurry(): void {
    this.#hurry.abort();
  }

  /** Completes an item. Resolves with the error if that failed; never rejects. */
  complete(partition: number, id: ItemId, isHeld: () => boolean): Promise<SendFailure> {
    const { port, queueName } = this.#deps;
    const lane = laneOf(this.#completes, partition, (ids) => port.complete({ queueName, partition, ids }));
    const sent = this.#add(lane, { id, value: id, isHeld });
    this.#unsentCompletes.add(sent);
    void sent.then(() => this.#unsentCompletes.delete(sent));
    return sent;
  }

  /** Gives an item back. Resolves with the error if that failed; never rejects. */
  retry(partition: number, item: RetriedItem, isHeld: () => boolean): Promise<SendFailure> {
    const { port, queueName } = this.#deps;
    const lane = laneOf(this.#retries, partition, (items) => port.retry({ queueName, partition, items }));
    return this.#add(lane, { id: item.id, value: item, isHeld });
  }

  /** Resolves once the completes that were added so far are answered. */
  async completesSoFar(): Promise<void> {
    await Promise.all(this.#unsentCompletes);
  }

  #add<T>(lane: Lane<T>, result: Omit<Waiting<T>, 'resolve'>): Promise<SendFailure> {
    const { promise, resolve } = Promise.withResolvers<SendFailure>();
    this.#unsent++;
    const settle = (failure: SendFailure) => {
      this.#unsent--;
      resolve(failure);
    };
    lane.waiting.push({ ...result, resolve: settle });
    if (!lane.isBusy) {
      lane.isBusy = true;
      // In the next turn of the event loop: handlers that end together share a call, and what others wait for is sent
      // first, such as the lease for those handlers.
      setImmediate(() => void setImmediate(() => void this.#run(lane)));
    }
    return promise;
  }

  async #run<T>(lane: Lane<T>): Promise<void> {
    while (lane.waiting.length > 0) await this.#send(lane, lane.waiting.splice(0, MOST_IDS));
    lane.isBusy = false;
  }

  /**
   * Sends results until each has its answer. Repeats while that may help, even if
   * the consumer should stop: the work is done and should count.
   */
  async #send<T>(lane: Lane<T>, results: readonly Waiting<T>[], mayBeDone = false): Promise<void> {
    const attempts = { failures: 0, mayBeDone };
    for (let left = results; left.length > 0; ) {
      let failure: unknown;
      try {
        const sentAt = this.#deps.clock.now();
        const refusals = await lane.send(left.map(({ value }) => value));
        this.#deps.onCalled(sentAt);
        left = left.filter((result) => !this.#answered(result, refusals.get(result.id), attempts));
        failure = left[0] && refusals.get(left[0].id);
      } catch (error) {
        if (left.length > 1 && isRefusal(error)) return this.#sendHalves(lane, left, attempts.mayBeDone);
        if (left.every((result) => this.#answered(result, error, attempts))) return;
        failure = error;
      }
      if (left.length === 0) return;
      attempts.failures++;
      this.#deps.onError(failure);
      if (isUnknown(failure)) attempts.mayBeDone = true;
      if (!this.#givesUp(left, attempts.failures)) await this.#pause(failure, attempts.failures);
      // Asked again, because leases may have ended meanwhile.
      if (this.#givesUp(left, attempts.failures)) {
        for (const { resolve } of left) resolve(failure);
        return;
      }
    }
  }

  /** Sends in halves what the server refuses as a whole: it does so even if only one lease has ended. */
  async #sendHalves<T>(lane: Lane<T>, results: readonly Waiting<T>[], mayBeDone: boolean): Promise<void> {
    const middle = Math.ceil(results.length / 2);
    await this.#send(lane, results.slice(0, middle), mayBeDone);
    await this.#send(lane, results.slice(middle), mayBeDone);
  }

  /** @returns whether this is the last answer for a result. Otherwise it has to be sent again. */
  #answered<T>(
    { resolve }: Waiting<T>,
    error: unknown,
    { mayBeDone }: { readonly mayBeDone: boolean },
  ): boolean {
    if (error !== undefined && isTransient(error)) return false;
    // An earlier attempt did it, and its answer was lost.
    const isDone = error === undefined || (mayBeDone && isLeaseLost(error));
    if (!isDone) this.#deps.onError(error);
    resolve(isDone ? undefined : error);
    return true;
  }

  #givesUp<T>(results: readonly Waiting<T>[], failures: number): boolean {
    if (failures < MOST_ATTEMPTS) return false;
    return this.#hurry.signal.aborted || !results.some(({ isHeld }) => isHeld());
  }

  async #pause(failure: unknown, failures: number): Promise<void> {
    const { clock, random } = this.#deps;
    this.#repeating++;
    await sleep(clock, pauseMsAfter(failure, failures, random), this.#hurry.signal);
    this.#repeating--;
  }
}

/** Whether nothing was changed, perhaps because of one item. */
function isRefusal(error: unknown): error is QueueError {
  return error instanceof QueueError && error.code === 'invalid';
}

/** Whether the item is no longer leased. A server without reasons says only that the request is invalid. */
function isLeaseLost(error: unknown): boolean {
  return isRefusal(error) && (error.reason ?? 'lease_lost') === 'lease_lost';
}

/** Whether a failed call may have taken effect. */
function isUnknown(error: unknown): boolean {
  if (error instanceof ClientError) return error.outcome === 'unknown';
  if (!(error instanceof QueueError)) return true;
  return error.reason === undefined
    ? error.retryable && error.code !== 'limited'
    : error.reason === 'outcome_unknown';
}

function laneOf<T>(
  lanes: Map<number, Lane<T>>,
  partition: number,
  send: (values: readonly T[]) => Promise<Refusals>,
): Lane<T> {
  const found = lanes.get(partition);
  if (found !== undefined) return found;
  const made = { waiting: [], send, isBusy: false };
  lanes.set(partition, made);
  return made;
}
