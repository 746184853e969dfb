import {
  type Instant,
  type ItemId,
  itemIdFault,
  itemNotLeased,
  noSuchItem,
  SCHEDULE_THRESHOLD,
  toMicroseconds,
} from '@querator/core';
import { exactly, type Moment, plus } from './moment.ts';
import { type RuleItem, ruleItem } from './rule-item.ts';

/** There are two queues, and either may have the other for its dead letters. */
export const QUEUE_NAMES = ['jobs', 'dead'] as const;
export type QueueName = (typeof QUEUE_NAMES)[number];

/** A queue's settings; times in milliseconds. */
export interface RuleSettings {
  leaseTimeout: number;
  expireTimeout: number;
  /** 0: without limit. */
  maxAttempts: number;
  deadQueue: QueueName | '';
}

/** Somebody who waits for items. */
export interface Consumer {
  readonly clientId: string;
  readonly size: number;
  /** When it gives up. */
  readonly deadline: Instant;
  /** What it may be told instead of being given items; absent: nothing, it goes on waiting. */
  ending: string | undefined;
}

/** What a consumer does with one item it gives back. */
export interface RuleRetry {
  readonly id: ItemId;
  readonly retryAt: Instant | undefined;
  readonly dead: boolean;
}

/**
 * The rules of one queue (docs/reference/item-life.md) in their simplest form: a
 * list of items, in queue order within each partition, and loops over it.
 */
export class QueueRules {
  readonly name: QueueName;
  readonly partitions: number;
  settings: RuleSettings;
  items: RuleItem[] = [];
  /** In order of arrival. */
  consumers: Consumer[] = [];

  constructor(name: QueueName, partitions: number, settings: RuleSettings) {
    this.name = name;
    this.partitions = partitions;
    this.settings = settings;
  }

  /** The items of a partition in the given states, in queue order. */
  in(partition: number, ...states: RuleItem['state'][]): RuleItem[] {
    return this.items.filter((item) => item.partition === partition && states.includes(item.state));
  }

  find(partition: number, id: ItemId): RuleItem | undefined {
    return this.items.find((item) => item.partition === partition && item.id === id);
  }

  take(item: RuleItem): void {
    this.items = this.items.filter((other) => other !== item);
  }

  /** A new item, in a partition that the service chooses. The life of a scheduled one begins when it comes due. */
  produce(name: string, enqueueAt: Instant | undefined, now: Instant): void {
    const isLater = isSchedule(enqueueAt, now);
    this.items.push(
      ruleItem({
        name,
        createdAt: exactly(now),
        expireDeadline: exactly(plus(isLater ? enqueueAt : now, this.settings.expireTimeout)),
        ...(isLater && { state: 'scheduled', until: exactly(enqueueAt) }),
      }),
    );
  }

  /** To the tail of its partition, under an id nobody knows yet. Attempts, source and deadlines stay. */
  requeue(item: RuleItem): void {
    this.take(item);
    item.state = 'waiting';
    item.until = undefined;
    item.id = undefined;
    this.items.push(item);
  }

  /** A consumer has got the item. */
  lease(item: RuleItem, until: Moment): void {
    item.state = 'leased';
    item.until = until;
    item.attempts++;
  }

  /** Why a request for these ids is refused as a whole, or nothing. Whether a lease has run out does not matter. */
  refusal(partition: number, ids: readonly ItemId[], action: 'completed' | 'retried'): string | undefined {
    const twice = ids.find((id, index) => ids.indexOf(id) !== index);
    if (twice !== undefined) return `invalid storage id; '${twice}' is listed more than once`;
    for (const id of ids) {
      const state = itemIdFault(id) === undefined ? this.find(partition, id)?.state : undefined;
      if (state === 'waiting') return itemNotLeased(id, action).message;
      if (state !== 'leased') return noSuchItem(id).message;
    }
    return undefined;
  }

  complete(partition: number, ids: readonly ItemId[]): string | undefined {
    const refusal = this.refusal(partition, ids, 'completed');
    if (refusal === undefined) {
      for (const id of ids) this.take(this.find(partition, id) as RuleItem);
    }
    return refusal;
  }

  /**
   * One item goes back.
   *
   * @returns whether it is dead, and the caller's to bury.
   */
  giveBack(item: RuleItem, { retryAt, dead }: RuleRetry, now: Instant): boolean {
    if (dead || this.isUsedUp(item)) return true;
    if (isSchedule(retryAt, now)) {
      // Under its old id, and so at its old place in scheduled.list.
      item.state = 'scheduled';
      item.until = exactly(retryAt);
    } else {
      this.requeue(item);
    }
    return false;
  }

  isUsedUp({ attempts }: RuleItem): boolean {
    return this.settings.maxAttempts !== 0 && attempts >= this.settings.maxAttempts;
  }

  /** Whether a partition holds an item from that source: a second one is left out. */
  holdsSource(sourceId: ItemId, partition: number | undefined): boolean {
    return this.items.some(
      (item) => item.sourceId === sourceId && (partition === undefined || item.partition === partition),
    );
  }

  /** Queue: waiting ones; with `destructive` leased ones too. Scheduled ones only when asked for. */
  clear(areas: {
    readonly queue: boolean;
    readonly scheduled: boolean;
    readonly destructive: boolean;
  }): void {
    const gone = {
      waiting: areas.queue,
      leased: areas.queue && areas.destructive,
      scheduled: areas.scheduled,
    };
    this.items = this.items.filter(({ state }) => !gone[state]);
  }
}

/** Whether a time is far enough ahead for an item to wait for it. */
function isSchedule(at: Instant | undefined, now: Instant): at is Instant {
  return at !== undefined && at - now >= toMicroseconds(SCHEDULE_THRESHOLD);
}
