import { leasedOf } from '../request.ts';
import { type Check, nameOf } from './run-record.ts';

/** No consumer receives an item more often than the queue allows, if that setting never changed. */
export const attempts: Check = function* ({ calls, settings }) {
  const limits = Map.groupBy(settings, ({ queue }) => queue);
  for (const call of calls) {
    if (call.answer === undefined || call.asked.request.kind !== 'lease') continue;
    const all = limits.get(call.asked.request.queue) ?? [];
    if (all.some(({ maxAttempts }) => maxAttempts === 0)) continue;
    const most = Math.max(...all.map(({ maxAttempts }) => maxAttempts));
    for (const { id, attempts: times } of leasedOf(call.answer.answer).items) {
      if (times > most) yield `${nameOf(call)} was handed ${id} as lease ${times}, of ${most} allowed`;
    }
  }
};
