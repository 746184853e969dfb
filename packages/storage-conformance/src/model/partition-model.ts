import {
  addDuration,
  type Duration,
  type Instant,
  type ItemId,
  type Metadata,
  SCHEDULE_THRESHOLD,
  toMicroseconds,
} from '@querator/core';

/** An item of the model. */
export interface ModelItem {
  /** Identifies the item for its whole life. */
  readonly text: string;
  /** Undefined until the driver returned it. */
  id: ItemId | undefined;
  /** `prepared`: a prepared letter. `moved`: moving and marked as moved. */
  state: 'waiting' | 'leased' | 'scheduled' | 'prepared' | 'moving' | 'moved';
  /** The end of the lease, timeout or claim, or the time to be enqueued. Unused while waiting. */
  until: Instant;
  attempts: number;
  /** When the item was first extended with a bound under its present id. */
  heldSince?: Instant | undefined;
  /** The first id that the driver returned. */
  firstId?: ItemId | undefined;
  readonly metadata?: Metadata | undefined;
  /** Of the last retry with an error. */
  error?: string | undefined;
  readonly sourceId: string | undefined;
  readonly createdAt: Instant;
  readonly expireDeadline: Instant;
}

/** The expected work of a sweep, over all its calls. */
export interface SweptModel {
  /** Scheduled items, in the order in which they must enter the queue. */
  readonly enqueued: readonly ModelItem[];
  /** Requeued items. The driver chooses their order. */
  readonly requeued: readonly ModelItem[];
  readonly dead: readonly ModelItem[];
  readonly moved: readonly ModelItem[];
  /** How many dead items a driver may requeue first, because their leases ended too. */
  readonly mayHaveBeenRequeued: number;
}

/** The next state of a retried item: the first matching rule applies. */
export type NextState = 'waiting' | 'scheduled' | 'moving' | 'deleted';

/**
 * The documented rules of a partition in the simplest form: a list of items in
 * queue order, and loops over it.
 */
export class PartitionModel {
  items: ModelItem[] = [];

  of(...states: ModelItem['state'][]): ModelItem[] {
    return this.items.filter((item) => states.includes(item.state));
  }

  /** The items that a driver lists as queued. */
  queued(): ModelItem[] {
    return this.of('waiting', 'leased', 'moving', 'moved');
  }

  find(id: ItemId): ModelItem | undefined {
    return this.items.find((item) => item.id === id);
  }

  holdsSource(sourceId: string): boolean {
    return this.items.some((item) => item.sourceId === sourceId);
  }

  take(item: ModelItem): void {
    this.items = this.items.filter((other) => other !== item);
  }

  /** Moves an item to the tail. The driver chooses its new id. */
  requeue(item: ModelItem): void {
    this.take(item);
    item.state = 'waiting';
    item.id = undefined;
    item.heldSince = undefined;
    this.items.push(item);
  }

  lease(limit: number, until: Instant): ModelItem[] {
    const oldest = this.of('waiting').slice(0, limit);
    for (const item of oldest) {
      item.state = 'leased';
      item.until = until;
      item.attempts++;
    }
    return oldest;
  }

  /** The first id that is not leased: the one that `complete` and `retry` report. */
  firstBad(ids: readonly ItemId[]): { id: ItemId; waits: boolean } | undefined {
    for (const id of ids) {
      const state = this.find(id)?.state;
      if (state !== 'leased') return { id, waits: state === 'waiting' };
    }
    return undefined;
  }

  /** @returns why the lease was not extended. */
  extend(
    id: ItemId,
    until: Instant,
    now: Instant,
    maxHold: Duration | undefined,
  ): 'lease_lost' | 'not_leased' | 'over_limit' | undefined {
    const item = this.find(id);
    if (item?.state === 'waiting' || item?.state === 'scheduled') return 'not_leased';
    if (item?.state !== 'leased') return 'lease_lost';
    if (maxHold !== undefined) {
      item.heldSince ??= now;
      if (now > addDuration(item.heldSince, maxHold)) return 'over_limit';
    }
    item.until = until;
    return undefined;
  }

  giveBack(
    item: ModelItem,
    retry: { retryAt: Instant | undefined; dead: boolean; error?: string | undefined },
    rules: { maxAttempts: number; dead: 'move' | 'delete' },
    now: Instant,
  ): NextState {
    item.error = retry.error ?? item.error;
    if (retry.dead || (rules.maxAttempts !== 0 && item.attempts >= rules.maxAttempts)) {
      if (rules.dead === 'delete') {
        this.take(item);
        return 'deleted';
      }
      item.state = 'moving';
      item.until = 0n as Instant;
      return 'moving';
    }
    if (retry.retryAt !== undefined && isSchedule(retry.retryAt, now)) {
      item.state = 'scheduled';
      item.until = retry.retryAt;
      return 'scheduled';
    }
    this.requeue(item);
    return 'waiting';
  }

  /** Prepared letters, in queue order. */
  prepared(sourceIds: readonly string[]): ModelItem[] {
    return this.of('prepared').filter(
      ({ sourceId }) => sourceId !== undefined && sourceIds.includes(sourceId),
    );
  }

  markMoved(ids: readonly ItemId[]): { readonly marked: ModelItem[]; readonly markedBefore: ModelItem[] } {
    const isNamed = (item: ModelItem) => ids.includes(item.id as ItemId);
    const markedBefore = this.of('moved').filter(isNamed);
    const marked = this.of('moving').filter(isNamed);
    for (const item of marked) item.state = 'moved';
    return { marked, markedBefore };
  }

  sweep(
    rules: { maxAttempts: number; dead: 'move' | 'delete' },
    now: Instant,
    claimedUntil: Instant,
  ): SweptModel {
    const enqueued = this.of('scheduled')
      .filter((item) => now > item.until)
      .sort((a, b) => Number(a.until - b.until));
    for (const item of enqueued) this.requeue(item);

    const overdue = this.of('leased', 'prepared').filter((item) => now > item.until);
    const requeued = overdue.filter((item) => rules.maxAttempts === 0 || item.attempts < rules.maxAttempts);
    const expired = (item: ModelItem) => now > item.expireDeadline;
    const dead = [
      ...overdue.filter((item) => !requeued.includes(item) || expired(item)),
      ...this.of('waiting').filter(expired),
      ...this.of('moving').filter((item) => now > item.until),
    ];
    const back = requeued.filter((item) => !expired(item));
    for (const item of back) this.requeue(item);
    const moved = this.of('moved').filter((item) => now > item.until);
    for (const item of dead) item.state = 'moving';
    for (const item of [...dead, ...moved]) {
      if (rules.dead === 'delete') this.take(item);
      item.until = claimedUntil;
    }
    return { enqueued, requeued: back, dead, moved, mayHaveBeenRequeued: requeued.length - back.length };
  }

  /** The earliest deadline. */
  nextDue(): Instant | undefined {
    const deadlines = this.items.map((item) => (item.state === 'waiting' ? item.expireDeadline : item.until));
    return deadlines.reduce<Instant | undefined>(
      (first, next) => (first === undefined || next < first ? next : first),
      undefined,
    );
  }
}

/** Whether a time is at least the schedule threshold ahead. */
export function isSchedule(at: Instant, now: Instant): boolean {
  return at - now >= toMicroseconds(SCHEDULE_THRESHOLD);
}
