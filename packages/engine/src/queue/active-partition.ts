import {
  type CompleteRequest,
  type Duration,
  type Instant,
  type ItemId,
  type Outcome,
  type QueueError,
  type RetryRequest,
  type RetryResult,
  storageFailed,
  unavailable,
} from '@querator/core';
import type { DeadLetterTargets } from '../dead-letters/dead-letter.ts';
import type { EngineDeps } from '../engine-deps.ts';
import { itemsOf } from '../loops/batching-policy.ts';
import { applyDivided, type Divided, type EachOutcome } from '../loops/each-item.ts';
import { GroupCommit, type GroupCommitOptions, type TracedBatch } from '../loops/group-commit.ts';
import type { LeaseLoop } from '../loops/lease-loop.ts';
import type { BatchOperation } from '../observer.ts';
import { PartitionCounter } from '../partition/partition-counter.ts';
import type { PartitionState } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import { Recovery } from '../partition/recovery.ts';
import { PartitionPolling } from '../polling/partition-polling.ts';
import type { Poller, Polling } from '../polling/poller.ts';
import { Sweeper } from '../sweep/sweeper.ts';
import type { EndStatement } from '../tracer.ts';
import { PartitionKeys } from './partition-keys.ts';
import type { Placement } from './placement.ts';

/** The leased items of one request that gives them a new lease deadline. */
export interface ExtendRequest {
  readonly ids: readonly ItemId[];
  /** How long the leases last from now. */
  readonly leaseTimeout: Duration;
  /** How long they may be extended in all. Undefined: without a bound. */
  readonly maxHold?: Duration | undefined;
}

type DividedComplete = CompleteRequest & Divided<CompleteRequest>;
type DividedRetry = RetryRequest & Divided<RetryRequest>;

/** One partition in this process, with all that works on it. */
export interface ActivePartition {
  readonly state: PartitionState;
  readonly polling: Polling;
  readonly recovery: Recovery;
  readonly counter: PartitionCounter;
  readonly sweeper: Sweeper;
  readonly completes: GroupCommit<DividedComplete, void | EachOutcome<void>>;
  readonly retries: GroupCommit<DividedRetry, RetryResult | EachOutcome<RetryResult>>;
  readonly extensions: GroupCommit<ExtendRequest, readonly Outcome<Instant>[]>;
  readonly keys: PartitionKeys;
  /** Goes on with the partition on another storage. */
  readonly relocated: (placement: Placement) => void;
}

export interface ActivePartitionDeps {
  readonly engine: EngineDeps;
  readonly hooks: QueueHooks;
  readonly leases: LeaseLoop;
  readonly deadLetters: DeadLetterTargets;
  readonly poller: Poller | undefined;
  /** Called when the partition went out of service or came back. */
  readonly healthChanged: () => void;
}

/** Creates what works on one partition. */
export function activePartition(state: PartitionState, deps: ActivePartitionDeps): ActivePartition {
  const { engine, hooks, leases, deadLetters, healthChanged } = deps;
  const { clock, limits } = engine;
  const polling = new PartitionPolling(deps.poller, {
    key: { queue: hooks.queue().name, partition: state.number },
    isHealthy: () => state.healthy,
    hasConsumers: () => leases.size > 0,
    onItems: () => leases.mayHoldItems(state),
    onDue: (delayMs) => sweeper.dueIn(delayMs),
  });
  const idleMs = () => (polling.findsDeadlines ? Number.POSITIVE_INFINITY : limits.sweepIdleMs);
  const sweeper = new Sweeper(engine, { partition: state, hooks, deadLetters, idleMs });
  const counter = new PartitionCounter({ clock, limits, partition: state });
  const recovery = new Recovery(engine, state, {
    queueName: () => hooks.queue().name,
    sample: () => counter.sample(),
    onChange: healthChanged,
  });
  const completes = new GroupCommit(completeOptions(state, deps));
  const retries = new GroupCommit(retryOptions(state, deps));
  const extensions = new GroupCommit(extendOptions(state, deps));
  const keys = new PartitionKeys({
    ...{ engine, hooks, partition: state },
    reserve: (items) => leases.reserve(state, items),
    consumers: leases.consumersOf(state),
    probe: () => recovery.probe(),
  });
  const relocated = (placement: Placement) => {
    state.relocated(placement);
    polling.follow(placement.poller);
    // What the storage can do, and what is due there.
    void recovery.probe().then(() => sweeper.sweep());
  };
  return { state, polling, recovery, counter, sweeper, completes, retries, extensions, keys, relocated };
}

function completeOptions(
  state: PartitionState,
  deps: ActivePartitionDeps,
): GroupCommitOptions<DividedComplete, void | EachOutcome<void>> {
  const { engine, hooks } = deps;
  return {
    traced: tracedBy('complete', state, deps),
    apply: (requests) =>
      applyDivided(requests, async (parts: readonly CompleteRequest[]) => {
        const outcomes = await state.store.complete(parts);
        const items = sumOf(parts, ({ ids }, n) => (outcomes[n]?.ok === true ? ids.length : 0));
        engine.observer.items(hooks.queue().name, 'completed', items);
        engine.observer.batch('complete', { requests: requests.length, items });
        return outcomes;
      }),
    count: ({ ids }) => itemsOf(ids),
    onFailure: (error) => partitionFailed(state, hooks, error),
    maxItems: engine.limits.statementItems,
    maxInFlight: engine.limits.statementsInFlight,
  };
}

function retryOptions(
  state: PartitionState,
  deps: ActivePartitionDeps,
): GroupCommitOptions<DividedRetry, RetryResult | EachOutcome<RetryResult>> {
  const { engine, hooks } = deps;
  const { observer } = engine;
  return {
    traced: tracedBy('retry', state, deps),
    apply: (requests) =>
      applyDivided(requests, async (parts: readonly RetryRequest[]) => {
        const { name, maxAttempts, deadQueue } = hooks.queue();
        const dead = deadQueue === '' ? 'delete' : 'move';
        const outcomes = await state.store.retry(parts, { maxAttempts, dead });
        const results = outcomes.map((outcome) => (outcome.ok ? outcome.value : undefined));
        const items = sumOf(results, (result) => (result?.waiting ?? 0) + (result?.scheduled ?? 0));
        const deleted = sumOf(results, (result) => result?.deleted ?? 0);
        observer.items(name, 'retried', items);
        observer.items(name, 'deleted', deleted);
        observer.batch('retry', { requests: requests.length, items });
        return outcomes;
      }),
    count: ({ items }) => itemsOf(items.map(({ id }) => id)),
    onFailure: (error) => partitionFailed(state, hooks, error),
    maxItems: engine.limits.statementItems,
    // Items go to the tail in the order of their retries.
    maxInFlight: 1,
  };
}

function extendOptions(
  state: PartitionState,
  deps: ActivePartitionDeps,
): GroupCommitOptions<ExtendRequest, readonly Outcome<Instant>[]> {
  const { engine, hooks } = deps;
  return {
    traced: tracedBy('extend', state, deps),
    apply: async (requests) => {
      if (state.store.extend === undefined) return requests.map(() => CANNOT_EXTEND);
      const outcomes = await state.store.extend(
        requests.flatMap(({ ids, leaseTimeout, maxHold }) =>
          ids.map((id) => ({ id, leaseTimeout, maxHold })),
        ),
      );
      const items = sumOf(outcomes, ({ ok }) => (ok ? 1 : 0));
      engine.observer.items(hooks.queue().name, 'extended', items);
      engine.observer.batch('extend', { requests: requests.length, items });
      let next = 0;
      return requests.map(({ ids }) => {
        next += ids.length;
        return { ok: true, value: outcomes.slice(next - ids.length, next) };
      });
    },
    count: ({ ids }) => itemsOf(ids),
    onFailure: (error) => partitionFailed(state, hooks, error),
    maxItems: engine.limits.statementItems,
    maxInFlight: engine.limits.statementsInFlight,
  };
}

/** Undefined: the engine has no tracer. */
function tracedBy(
  operation: BatchOperation,
  { number: partition, storageName: storage }: PartitionState,
  { engine: { tracer }, hooks }: ActivePartitionDeps,
): ((batch: TracedBatch) => EndStatement) | undefined {
  if (tracer === undefined) return undefined;
  return (batch) => tracer.statement({ ...batch, operation, queue: hooks.queue().name, partition, storage });
}

const CANNOT_EXTEND: Outcome<never> = {
  ok: false,
  error: unavailable('failed', 'leases cannot be extended; the storage of the partition has no such call'),
};

function partitionFailed(state: PartitionState, hooks: QueueHooks, error: unknown): QueueError {
  hooks.failed(state, error);
  return storageFailed(error);
}

function sumOf<T>(all: readonly T[], amount: (each: T, position: number) => number): number {
  return all.reduce((sum, each, position) => sum + amount(each, position), 0);
}
