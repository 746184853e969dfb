import type { Instant } from '@querator/core';
import { after, exactly, type Moment } from './moment.ts';
import { QUEUE_NAMES, type QueueName, QueueRules, type RuleRetry, type RuleSettings } from './queue-rules.ts';
import { type RuleItem, ruleItem, UNSEEN_ID } from './rule-item.ts';

/** The settings of the queues at their creation. */
export const FIRST_SETTINGS: Readonly<Record<QueueName, RuleSettings>> = {
  jobs: { leaseTimeout: 1_000, expireTimeout: 60_025, maxAttempts: 0, deadQueue: 'dead' },
  dead: { leaseTimeout: 1_000, expireTimeout: 60_025, maxAttempts: 0, deadQueue: '' },
};

/** The rules of all queues together: requests, time, and moves from one queue to the other. */
export class ServiceRules {
  readonly queues: Readonly<Record<QueueName, QueueRules>>;

  constructor(partitions: number) {
    const queue = (name: QueueName) => new QueueRules(name, partitions, { ...FIRST_SETTINGS[name] });
    this.queues = { jobs: queue('jobs'), dead: queue('dead') };
  }

  get all(): readonly QueueRules[] {
    return QUEUE_NAMES.map((name) => this.queues[name]);
  }

  /** Gives back all items of a request, or none. */
  retry(
    queue: QueueRules,
    { partition, items, now }: { partition: number; items: readonly RuleRetry[]; now: Instant },
  ): string | undefined {
    const ids = items.map(({ id }) => id);
    const refusal = queue.refusal(partition, ids, 'retried');
    if (refusal !== undefined) return refusal;
    const found = items.map((retry) => ({ retry, item: queue.find(partition, retry.id) as RuleItem }));
    for (const { item, retry } of found) {
      if (queue.giveBack(item, retry, now)) this.#moveDead(queue, item, exactly(now));
    }
    return undefined;
  }

  /**
   * Moves time to the end of the moment, and does what comes due before:
   * scheduled items enter the queue, leases end, and items die that have used up
   * their attempts or have expired.
   */
  pass(moment: Moment): void {
    for (const queue of this.all) {
      for (const item of [...queue.items]) this.#age(queue, item, moment);
    }
  }

  /** When the next event is due, if that is before `end`. A consumer gives up exactly at its deadline. */
  nextDue(end: Instant): Instant | undefined {
    const times = this.all.flatMap((queue) => [
      ...queue.items.map(dueAt).filter((at) => at < end),
      ...queue.consumers.map(({ deadline }) => deadline).filter((at) => at <= end),
    ]);
    return times.reduce<Instant | undefined>(
      (first, at) => (first === undefined || at < first ? at : first),
      undefined,
    );
  }

  #age(queue: QueueRules, item: RuleItem, moment: Moment): void {
    const isPast = (at: Moment | undefined) => at !== undefined && at.to < moment.to;
    const isExpired = isPast(item.expireDeadline);
    if (item.state === 'scheduled' && isPast(item.until)) {
      const cameDue = { at: (item.until as Moment).from, id: item.id as string };
      queue.requeue(item);
      Object.assign(item, { loose: true, cameDue });
    } else if (item.state === 'leased' && isPast(item.until)) {
      if (isExpired || queue.isUsedUp(item)) {
        this.#moveDead(queue, item, moment);
        return;
      }
      queue.requeue(item);
      item.loose = true;
    }
    // An item with a valid lease or with a schedule does not expire.
    if (item.state === 'waiting' && isExpired) this.#moveDead(queue, item, moment);
  }

  /** Moves a dead item to the dead-letter queue, unless its letter is there. Removes it without such a queue. */
  #moveDead(queue: QueueRules, item: RuleItem, moment: Moment): void {
    queue.take(item);
    if (queue.settings.deadQueue === '') return;
    const target = this.queues[queue.settings.deadQueue];
    if (item.id !== undefined && target.holdsSource(item.id, undefined)) return;
    target.items.push(
      ruleItem({
        name: item.name,
        sourceId: item.id ?? UNSEEN_ID,
        createdAt: moment,
        expireDeadline: after(moment, target.settings.expireTimeout),
        loose: true,
      }),
    );
  }
}

/** When the next deadline of an item is. */
function dueAt(item: RuleItem): Instant {
  return item.state === 'waiting' ? item.expireDeadline.from : (item.until as Moment).from;
}
