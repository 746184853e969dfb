import {
  type CompleteRequest,
  MESSAGES,
  type PartitionStore,
  QueueError,
  type RetryRequest,
  type RetryResult,
} from '@querator/core';
import type { LetterBoxes } from '../dead-letters/dead-letter.ts';
import type { EngineDeps } from '../engine-options.ts';
import { GroupCommit } from '../loops/group-commit.ts';
import type { LeaseLoop } from '../loops/lease-loop.ts';
import { PartitionCounter } from '../partition/partition-counter.ts';
import type { Lane } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import { Recovery } from '../partition/recovery.ts';
import type { Turns } from '../partition/storage-limits.ts';
import type { Lookout, Watching } from '../polling/poller.ts';
import { Sweeper } from '../sweep/sweeper.ts';

/** Where one partition is, and who looks after what other processes do to it. */
export interface PartitionPlace {
  readonly store: PartitionStore;
  /** For calls that concern the whole partition. */
  readonly turns: Turns;
  /** Absent where there is nothing to look at. */
  readonly lookout?: Lookout | undefined;
}

/** All that belongs to one partition of a queue at work. */
export interface PartitionUnit {
  readonly lane: Lane;
  readonly watching: Watching | undefined;
  readonly recovery: Recovery;
  readonly counter: PartitionCounter;
  readonly sweeper: Sweeper;
  readonly completes: GroupCommit<CompleteRequest, void>;
  readonly retries: GroupCommit<RetryRequest, RetryResult>;
}

/** The queue around a partition. */
export interface Surroundings {
  readonly hooks: QueueHooks;
  readonly leases: LeaseLoop;
  readonly letterBoxes: LetterBoxes;
  readonly lookout: Lookout | undefined;
  /** Told when the partition went out of service or came back. */
  readonly healthChanged: () => void;
}

/** Puts together what works on one partition. */
export function newPartitionUnit(
  deps: EngineDeps,
  lane: Lane,
  { hooks, leases, letterBoxes, lookout, healthChanged }: Surroundings,
): PartitionUnit {
  const onFailure = (error: unknown) => {
    hooks.failed(lane, error);
    return new QueueError('retry', MESSAGES.storageFailed, { cause: error });
  };
  const { statementItems: maxWeight, statementsInFlight: maxInFlight } = deps.limits;
  const idleMs = lookout?.seesDeadlines === true ? Number.POSITIVE_INFINITY : deps.limits.sweepIdleMs;
  const sweeper = new Sweeper(deps, { lane, hooks, letterBoxes, idleMs });
  const { clock, limits } = deps;
  const counter = new PartitionCounter({ clock, limits, lane });
  return {
    lane,
    counter,
    sweeper,
    watching: lookout?.watch({
      key: { queue: hooks.queue().name, partition: lane.partition },
      isHealthy: () => lane.healthy,
      isHungry: () => leases.size > 0,
      onItems: () => leases.lookInto(lane),
      onDue: (delayMs) => sweeper.dueIn(delayMs),
    }),
    recovery: new Recovery(deps, lane, {
      queueName: () => hooks.queue().name,
      sample: () => counter.sample(),
      onChange: healthChanged,
    }),
    completes: new GroupCommit({
      apply: async (requests) => {
        const outcomes = await lane.store.complete(requests);
        const items = sumOf(requests, ({ ids }, n) => (outcomes[n]?.ok === true ? ids.length : 0));
        deps.observer.items(hooks.queue().name, 'completed', items);
        deps.observer.batch('complete', { requests: requests.length, items });
        return outcomes;
      },
      weigh: ({ ids }) => weightOf(ids),
      onFailure,
      maxWeight,
      maxInFlight,
    }),
    retries: new GroupCommit({
      apply: async (requests) => {
        const { name, maxAttempts, deadQueue } = hooks.queue();
        const dead = deadQueue === '' ? 'delete' : 'move';
        const outcomes = await lane.store.retry(requests, { maxAttempts, dead });
        const results = outcomes.map((outcome) => (outcome.ok ? outcome.value : undefined));
        const items = sumOf(results, (result) => (result?.waiting ?? 0) + (result?.scheduled ?? 0));
        deps.observer.items(name, 'retried', items);
        deps.observer.items(
          name,
          'deleted',
          sumOf(results, (result) => result?.deleted ?? 0),
        );
        deps.observer.batch('retry', { requests: requests.length, items });
        return outcomes;
      },
      weigh: ({ items }) => weightOf(items.map(({ id }) => id)),
      onFailure,
      maxWeight,
      // Items go to the tail in the order in which they were given back.
      maxInFlight: 1,
    }),
  };
}

/** A text that is no id may be as long as a request body: it weighs one for each 1,000 UTF-16 units, so that it costs buffer. */
const UNITS_PER_WEIGHT = 1_000;

function weightOf(ids: readonly string[]): number {
  return sumOf(ids, (id) => Math.ceil(id.length / UNITS_PER_WEIGHT) || 1);
}

function sumOf<T>(all: readonly T[], amount: (each: T, position: number) => number): number {
  return all.reduce((sum, each, position) => sum + amount(each, position), 0);
}
