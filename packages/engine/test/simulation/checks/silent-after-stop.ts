import type { Check } from './run-record.ts';

/** An engine that has stopped or crashed makes no more storage calls. */
export const silentAfterStop: Check = function* ({ events }) {
  const ended = new Set<string>();
  for (const event of events) {
    if (event.type === 'crash' || event.type === 'stop') ended.add(event.engine);
    if (event.type === 'sent' && ended.has(event.engine)) {
      yield `${event.engine} calls storage after its end: op ${event.op} (${event.name})`;
    }
  }
};
