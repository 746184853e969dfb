import type { Check } from './story.ts';

/** An engine that has stopped, or died, calls storage no more. */
export const silentAfterStop: Check = function* ({ happenings }) {
  const ended = new Set<string>();
  for (const happening of happenings) {
    if (happening.type === 'crash' || happening.type === 'stop') ended.add(happening.engine);
    if (happening.type === 'sent' && ended.has(happening.engine)) {
      yield `${happening.engine} calls storage after its end: op ${happening.op} (${happening.name})`;
    }
  }
};
