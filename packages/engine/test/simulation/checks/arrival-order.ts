import { leasedOf } from '../request.ts';
import { type CallStory, type Check, nameOf, type OpStory } from './story.ts';

/**
 * Of consumers who wait at one engine for a queue with one partition, the one
 * who came first is served first; of two with the same client id, never the
 * later. Where several statements that lease are under way side by side, who is
 * overtaken may have been waited for by another one of them, which came too
 * early or comes later.
 */
export const arrivalOrder: Check = function* ({ calls, births, ops }) {
  const partitions = new Map<string, Set<string>>();
  for (const { place } of births) {
    const queue = queueOf(place);
    partitions.set(queue, (partitions.get(queue) ?? new Set()).add(place));
  }
  const leases = Map.groupBy(
    calls.filter(({ asked: { request } }) => request.kind === 'lease'),
    ({ asked: { engine, request } }) => `${engine} ${request.queue}`,
  );
  const statements = Map.groupBy(
    ops.filter(({ sent: { name } }) => /lease$/i.test(name)),
    ({ sent: { engine, place } }) => `${engine} ${queueOf(place)}`,
  );
  for (const [key, waiting] of leases) {
    const isOne = (partitions.get(key.split(' ')[1] as string)?.size ?? 0) <= 1;
    for (const [n, late] of waiting.entries()) {
      if (!isServed(late)) continue;
      for (const early of waiting.slice(0, n)) {
        if (early.answeredAt < late.askedAt || !overtakes(late, early)) continue;
        const isUnforgiven = isOne && !hadCompany(statements.get(key) ?? [], late);
        if (!isUnforgiven && !areNamesakes(late, early)) continue;
        yield `${nameOf(late)} was served before ${nameOf(early)}, which came first`;
      }
    }
  }
};

function queueOf(place: string): string {
  return place.split('/')[0] as string;
}

function isServed({ answer }: CallStory): boolean {
  return answer !== undefined && leasedOf(answer.answer).items.length > 0;
}

function areNamesakes(
  { asked: { request: one } }: CallStory,
  { asked: { request: other } }: CallStory,
): boolean {
  return one.kind === 'lease' && other.kind === 'lease' && one.clientId === other.clientId;
}

/** Whether the statement that served a consumer was not the only one that leased meanwhile. */
function hadCompany(statements: readonly OpStory[], { answer, answeredAt }: CallStory): boolean {
  const ids = new Set(answer === undefined ? [] : leasedOf(answer.answer).items.map(({ id }) => id));
  const served = statements.findLast(
    (op) =>
      op.returnedAt < answeredAt &&
      op.effects.some(
        ({ came, changed }) =>
          came.some(({ id }) => ids.has(id)) || changed.some(({ after }) => ids.has(after.id)),
      ),
  );
  if (served === undefined) return false;
  return statements.some((op) => op !== served && op.sentAt < answeredAt && op.returnedAt > served.sentAt);
}

function overtakes(late: CallStory, early: CallStory): boolean {
  const gone = Math.min(early.leftAt ?? Number.POSITIVE_INFINITY, early.answeredAt);
  // The queue may just have been taken up: then both came in at the same moment.
  return late.answeredAt < gone && (late.answer?.atMs ?? 0) < (early.answer?.atMs ?? 0);
}
