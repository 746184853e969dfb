import { MESSAGES } from '@querator/core';
import type { Ending } from '../history.ts';
import { type CallRecord, type Check, nameOf, type OpRecord } from './run-record.ts';
import { sendings } from './sendings.ts';

const WITHOUT_EFFECT: readonly string[] = ['not-applied', 'closed'] satisfies Ending[];
/** The answers of storage after which items may be stored later: without an answer, or where the partition moves to. */
const MAY_FOLLOW: readonly string[] = ['unknown', 'closed'] satisfies Ending[];

/**
 * A produce answered with "not stored" is never stored. A produce whose client
 * has left is not sent to storage any more. "Unknown" is only answered for
 * items that were sent to storage without confirmation.
 */
export const refusedIsNotStored: Check = function* ({ calls, arrivals, ops }) {
  const arrived = new Set(
    arrivals.filter(({ stay }) => stay.sourceId === undefined).map(({ stay }) => stay.name),
  );
  const sent = sendings(ops);
  for (const call of calls) {
    const { request } = call.asked;
    if (request.kind !== 'produce') continue;
    const [{ name }] = request.items as [{ readonly name: string }];
    const attempts = sent.get(name) ?? [];
    const answer = call.answer?.answer;
    if (answer?.how === 'error' && answer.message === MESSAGES.produceOutcomeUnknown) {
      yield* unknown(call, attempts);
    } else if (answer?.how === 'error' && request.items.some((item) => arrived.has(item.name))) {
      yield `${nameOf(call)} was answered '${answer.message}', and items of it are stored`;
    }
    const { leftAt } = call;
    if (leftAt !== undefined && attempts.some(({ sentAt }) => sentAt > leftAt)) {
      yield `${nameOf(call)} was sent to storage after the client had left`;
    }
    const doubtful = attempts.findIndex(({ returned }) => !WITHOUT_EFFECT.includes(returned?.ending ?? ''));
    if (doubtful >= 0 && doubtful < attempts.length - 1) {
      yield `${nameOf(call)} was sent to storage again, though it may have been stored`;
    }
  }
};

function* unknown(call: CallRecord, attempts: readonly OpRecord[]): Iterable<string> {
  const last = attempts.filter(({ sentAt }) => sentAt < call.answeredAt).at(-1);
  if (last === undefined) yield `${nameOf(call)} is said to be unknown, and storage was never asked`;
  else if (last.returnedAt < call.answeredAt && !MAY_FOLLOW.includes(last.returned?.ending ?? '')) {
    yield `${nameOf(call)} is said to be unknown, and storage had answered '${last.returned?.ending}'`;
  }
}
