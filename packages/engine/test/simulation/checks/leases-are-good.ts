import { leasedOf } from '../request.ts';
import { instantAt } from '../system/scheduler.ts';
import { type Check, endedWellBefore, nameOf } from './run-record.ts';

/** In milliseconds. A statement may take longer than leases this short. */
const SHORT_MS = 1_000;

/**
 * No consumer receives a lease that had ended, as after a sleep of the engine.
 * Other consumers may have the item by then.
 */
export const leasesAreGood: Check = function* ({ calls, ops }) {
  const statements = ops.filter(({ sent: { name } }) => /lease$/i.test(name));
  for (const call of calls) {
    if (call.answer === undefined || call.asked.request.kind !== 'lease') continue;
    const { atMs, answer } = call.answer;
    for (const { id, leaseDeadline } of leasedOf(answer).items) {
      if (leaseDeadline >= instantAt(atMs)) continue;
      const op = statements.findLast(
        (each) =>
          endedWellBefore(each, call) && each.effects.some(({ now }) => now.some((stay) => stay.id === id)),
      );
      if (atMs - (op?.sent.atMs ?? 0) <= SHORT_MS) continue;
      yield `${nameOf(call)} was handed ${id}, and its lease had ended`;
    }
  }
};
