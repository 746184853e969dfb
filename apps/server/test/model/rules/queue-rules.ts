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

/** There are two queues. Each may have the other one as its dead-letter queue. */
export const QUEUE_NAMES = ['jobs', 'dead'] as const;
export type QueueName = (typeof QUEUE_NAMES)[number];

/** The settings of a queue. Times are in milliseconds. */
export interface RuleSettings {
  leaseTimeout: number;
  expireTimeout: number;
  /** 0: without limit. */
  maxAttempts: number;
  deadQueue: QueueName | '';
}

/** A consumer that waits for items. */
export interface Consumer {
  readonly clientId: string;
  readonly size: number;
  /** The deadline of its request. */
  readonly deadline: Instant;
  /** The error that it may get instead of items. Undefined: none, it keeps waiting. */
  ending: string | undefined;
}

/** How a consumer gives one item back. */
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

  /** Adds an item, in a partition that the service chooses. The life of a scheduled item starts when it is due. */
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

  /** Moves an item to the tail of its partition under an unknown id. Attempts, source and deadlines stay. */
  requeue(item: RuleItem): void {
    this.take(item);
    item.state = 'waiting';
    item.until = undefined;
    item.id = undefined;
    this.items.push(item);
  }

  /** A consumer leases the item. */
  lease(item: RuleItem, until: Moment): void {
    item.state = 'leased';
    item.until = until;
    item.attempts++;
  }

  /** The error of a request with these ids, or undefined. It is refused as a whole. An ended lease does not matter. */
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
   * Gives one item back.
   *
   * @returns whether it is dead, and the caller has to move it.
   */
  giveBack(item: RuleItem, { retryAt, dead }: RuleRetry, now: Instant): boolean {
    if (dead || this.isUsedUp(item)) return true;
    if (isSchedule(retryAt, now)) {
      // The id stays, and so does the place in scheduled.list.
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

  /** Whether a partition holds an item with this source id. A second one is left out. */
  holdsSource(sourceId: ItemId, partition: number | undefined): boolean {
    return this.items.some(
      (item) => item.sourceId === sourceId && (partition === undefined || item.partition === partition),
    );
  }

  /** `queue` removes waiting items, with `destructive` leased ones too. `scheduled` removes scheduled ones. */
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

/** Whether a time is far enough ahead to schedule an item. */
function isSchedule(at: Instant | undefined, now: Instant): at is Instant {
  return at !== undefined && at - now >= toMicroseconds(SCHEDULE_THRESHOLD);
}
