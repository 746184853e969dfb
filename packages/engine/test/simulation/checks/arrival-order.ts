import { leasedOf } from '../request.ts';
import { type CallStory, type Check, nameOf } from './story.ts';

/**
 * Of consumers who wait at one engine for a queue with one partition, the one
 * who came first is served first; of two with the same client id, never the later.
 */
export const arrivalOrder: Check = function* ({ calls, births, settings }) {
  const partitions = new Map<string, Set<string>>();
  for (const { place } of births) {
    const queue = place.split('/')[0] as string;
    partitions.set(queue, (partitions.get(queue) ?? new Set()).add(place));
  }
  const known = new Set(settings.map(({ queue }) => queue));
  const leases = Map.groupBy(
    calls.filter(({ asked: { request } }) => request.kind === 'lease' && known.has(request.queue)),
    ({ asked: { engine, request } }) => `${engine} ${request.queue}`,
  );
  for (const [key, waiting] of leases) {
    const queue = key.split(' ')[1] as string;
    const isOne = (partitions.get(queue)?.size ?? 0) <= 1;
    for (let n = 1; n < waiting.length; n++) {
      const late = waiting[n] as CallStory;
      if (!isServed(late)) continue;
      for (const early of waiting.slice(0, n)) {
        if (early.answeredAt < late.askedAt) continue;
        if ((isOne || areNamesakes(late, early)) && overtakes(late, early))
          yield `${nameOf(late)} was served before ${nameOf(early)}, which came first`;
      }
    }
  }
};

function isServed({ answer }: CallStory): boolean {
  return answer !== undefined && leasedOf(answer.answer).items.length > 0;
}

function areNamesakes(
  { asked: { request: one } }: CallStory,
  { asked: { request: other } }: CallStory,
): boolean {
  return one.kind === 'lease' && other.kind === 'lease' && one.clientId === other.clientId;
}

function overtakes(late: CallStory, early: CallStory): boolean {
  const gone = Math.min(early.leftAt ?? Number.POSITIVE_INFINITY, early.answeredAt);
  // The queue may just have been taken up: then both came in at the same moment.
  return late.answeredAt < gone && (late.answer?.atMs ?? 0) < (early.answer?.atMs ?? 0);
}
