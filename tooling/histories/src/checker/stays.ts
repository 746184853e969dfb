import type { Allowances } from './allowances.ts';
import type { HiddenTimes } from './hidden-times.ts';
import {
  type Delivery,
  deadlineOf,
  type ItemRecord,
  type ItemRecords,
  isFinal,
  mayHaveHappened,
} from './item-records.ts';
import { isSameLife, unseenLeases } from './lives.ts';
import { type Span, takingOf } from './taking.ts';

/** The time from an item's arrival in the queue to its delivery. */
export interface Stay {
  readonly item: string;
  readonly record: ItemRecord;
  /** The delivery at its end. */
  readonly delivery: Delivery;
  /** The time of the delivery in storage. */
  readonly taken: Span;
  /** The earliest possible beginning. */
  readonly from: number;
  /** The latest possible beginning; infinite if unknown. */
  readonly by: number;
  /** Whether it began with the item's produce: next to the other items of that produce, but for an outbox. */
  readonly isFirst: boolean;
}

/** The earliest time at which the lease of a delivery can have ended. */
export function holdEndsFrom(records: ItemRecords, delivery: Delivery, { clockMs }: Allowances): number {
  const retries = records
    .settlementsOf(delivery.id)
    .filter((settlement) => !isFinal(records.history, settlement) && mayHaveHappened(settlement));
  return Math.min(deadlineOf(records, delivery) - clockMs, ...retries.map(({ invoked }) => invoked));
}

/** Whether the order of this delivery and another item proves anything. */
export function provesOrder({ taken }: Stay, hidden: HiddenTimes): boolean {
  return !hidden.overlaps(taken);
}

/** The arrival of each delivered item in the queue of producers, as far as the history shows. */
export function staysOf(records: ItemRecords, allowances: Allowances): readonly Stay[] {
  return records.all.flatMap((record) =>
    record.deliveries
      .map((delivery, n) => stayBefore(records, record, n, delivery, allowances))
      .filter(({ delivery }) => delivery.lease.queue === undefined),
  );
}

function stayBefore(
  records: ItemRecords,
  record: ItemRecord,
  n: number,
  delivery: Delivery,
  allowances: Allowances,
): Stay {
  const before = record.deliveries[n - 1];
  const unseen = Math.max(unseenLeases(before, delivery), 0);
  // The answers of these leases were lost, so each ended by its timeout.
  const unseenMs = unseen * (records.history.leaseTimeoutMs - allowances.clockMs);
  const began =
    before === undefined
      ? beganWithProduce(record, allowances)
      : beganAfter(records, before, delivery, allowances);
  return {
    ...{ item: record.item, record, delivery },
    taken: takingOf(delivery.lease, delivery, {
      leaseTimeoutMs: records.history.leaseTimeoutMs,
      clockMs: allowances.clockMs,
    }),
    from: began.from + unseenMs,
    by: unseen === 0 ? began.by : Number.POSITIVE_INFINITY,
    isFirst: before === undefined && unseen === 0,
  };
}

function beganWithProduce(
  { produce }: ItemRecord,
  { clockMs, scheduleMs }: Allowances,
): Pick<Stay, 'from' | 'by'> {
  if (produce === undefined) return { from: 0, by: Number.POSITIVE_INFINITY };
  if (produce.notBefore !== undefined) {
    return {
      from: Math.max(produce.invoked, produce.notBefore - scheduleMs - clockMs),
      by: Number.POSITIVE_INFINITY,
    };
  }
  // A server moves the rows of an outbox at any time after the commit.
  const isKnown = produce.outcome === 'ok' && produce.outbox === undefined;
  const by = isKnown ? produce.returned : Number.POSITIVE_INFINITY;
  return { from: produce.invoked, by };
}

function beganAfter(
  records: ItemRecords,
  before: Delivery,
  delivery: Delivery,
  allowances: Allowances,
): Pick<Stay, 'from' | 'by'> {
  const retry = records
    .settlementsOf(before.id)
    .find((each) => each.call === 'retry' && each.outcome === 'ok' && each.notBefore === undefined);
  // When it died, and came back, is unknown.
  const by = isSameLife(before, delivery) ? retry?.returned : undefined;
  return { from: holdEndsFrom(records, before, allowances), by: by ?? Number.POSITIVE_INFINITY };
}
