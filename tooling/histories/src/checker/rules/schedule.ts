import type { Allowances } from '../allowances.ts';
import type { Delivery, Life, Lives } from '../lives.ts';
import { mayHaveHappened } from '../lives.ts';
import type { Violation } from '../violation.ts';

/** A scheduled item is not delivered before its time. */
export function schedule(lives: Lives, { clockMs, scheduleMs }: Allowances): readonly Violation[] {
  return lives.all.flatMap((life) =>
    life.deliveries.flatMap((delivery, n) => {
      const planned = scheduledFor(lives, life, n);
      if (planned === undefined || delivery.lease.returned >= planned.at - scheduleMs - clockMs) return [];
      const early = Math.round(planned.at - delivery.lease.returned);
      return [
        {
          rule: 'schedule' as const,
          items: [life.item],
          operations: [planned.by, delivery.lease],
          text: `${life.item} was delivered ${early} ms before the time it was scheduled for`,
        },
      ];
    }),
  );
}

/** The call that scheduled the item, if nothing else can have led to its delivery. */
function scheduledFor(lives: Lives, { produce, deliveries }: Life, n: number) {
  const before = deliveries[n - 1];
  if (before === undefined) {
    return produce?.notBefore === undefined ? undefined : { at: produce.notBefore, by: produce };
  }
  const possible = lives
    .settlementsOf((before as Delivery).id)
    .filter((settlement) => mayHaveHappened(settlement));
  const [only] = possible;
  if (possible.length !== 1 || only?.call !== 'retry' || only.outcome !== 'ok') return undefined;
  return only.notBefore === undefined ? undefined : { at: only.notBefore, by: only };
}
