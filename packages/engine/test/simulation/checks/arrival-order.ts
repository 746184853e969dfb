import { leasedOf } from '../request.ts';
import { type CallRecord, type Check, nameOf, type OpRecord } from './run-record.ts';

/**
 * At one engine and one partition, the consumer that came first is served
 * first. Of two with the same client id, the later one never overtakes.
 * Statements in flight side by side are exempt: the overtaken consumer may wait
 * for another of them.
 */
export const arrivalOrder: Check = function* ({ calls, arrivals, ops }) {
  const partitions = new Map<string, Set<string>>();
  for (const { place } of arrivals) {
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
    for (const late of waiting) {
      if (!isServed(late)) continue;
      for (const early of waiting) {
        if (early === late) break;
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

function isServed({ answer }: CallRecord): boolean {
  return answer !== undefined && leasedOf(answer.answer).items.length > 0;
}

function areNamesakes(
  { asked: { request: one } }: CallRecord,
  { asked: { request: other } }: CallRecord,
): boolean {
  return one.kind === 'lease' && other.kind === 'lease' && one.clientId === other.clientId;
}

/** Whether another leasing statement was in flight beside the one that served a consumer. */
function hadCompany(statements: readonly OpRecord[], { answer, answeredAt }: CallRecord): boolean {
  const ids = new Set(answer === undefined ? [] : leasedOf(answer.answer).items.map(({ id }) => id));
  const served = statements.findLast(
    (op) => op.returnedAt < answeredAt && op.effects.some(({ now }) => now.some(({ id }) => ids.has(id))),
  );
  if (served === undefined) return false;
  return statements.some((op) => op !== served && op.sentAt < answeredAt && op.returnedAt > served.sentAt);
}

function overtakes(late: CallRecord, early: CallRecord): boolean {
  const gone = Math.min(early.leftAt ?? Number.POSITIVE_INFINITY, early.answeredAt);
  // During an activation both requests enter the queue at the same moment.
  return late.answeredAt < gone && (late.answer?.atMs ?? 0) < (early.answer?.atMs ?? 0);
}
