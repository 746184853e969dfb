import { leasedOf } from '../request.ts';
import { instantAt } from '../world/scheduler.ts';
import { type Check, endedWellBefore, nameOf } from './story.ts';

/** Where leases are that short a statement may well take longer than they last. */
const SHORT_MS = 1_000;

/**
 * A lease that had ended when its consumer was to be answered is handed to
 * nobody, as after a sleep: others may have the item by then.
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
          endedWellBefore(each, call) &&
          each.effects.some(({ came, changed }) =>
            [...came, ...changed.map(({ after }) => after)].some((stay) => stay.id === id),
          ),
      );
      if (atMs - (op?.sent.atMs ?? 0) <= SHORT_MS) continue;
      yield `${nameOf(call)} was handed ${id}, and its lease had ended`;
    }
  }
};
