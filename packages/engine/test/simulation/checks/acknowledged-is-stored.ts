import { type CallRecord, type Check, endedWellBefore, type ItemArrival, nameOf } from './run-record.ts';

/**
 * An acknowledged produce has stored each item exactly once, in one partition,
 * together and in order. Storage had confirmed that before the acknowledgement.
 */
export const acknowledgedIsStored: Check = function* ({ calls, arrivals }) {
  const byName = Map.groupBy(
    arrivals.filter(({ stay }) => stay.sourceId === undefined),
    ({ stay }) => stay.name,
  );
  for (const call of calls) {
    const { request } = call.asked;
    if (request.kind !== 'produce') continue;
    const arrived = request.items.map(({ name }) => byName.get(name) ?? []);
    for (const [first, second] of arrived) {
      if (first !== undefined && second !== undefined) {
        yield `item ${first.stay.name} was stored twice, by op ${first.op.sent.op} and op ${second.op.sent.op}`;
      }
    }
    if (call.answer?.answer.how === 'ok')
      yield* whatIsWrong(
        call,
        arrived.flatMap((each) => each.slice(0, 1)),
        arrived.length,
      );
  }
};

function* whatIsWrong(call: CallRecord, arrived: readonly ItemArrival[], wanted: number): Iterable<string> {
  if (arrived.length < wanted) {
    yield `${nameOf(call)} was answered with success, and ${wanted - arrived.length} of its items were never stored`;
    return;
  }
  const [first] = arrived as [ItemArrival];
  if (!endedWellBefore(first.op, call)) {
    yield `${nameOf(call)} was answered with success before storage was done`;
  }
  if (arrived.some(({ op }) => op !== first.op)) yield `${nameOf(call)} was torn apart`;
  for (let n = 1; n < arrived.length; n++) {
    if ((arrived[n] as ItemArrival).stay.id < (arrived[n - 1] as ItemArrival).stay.id)
      yield `${nameOf(call)} was stored out of order`;
  }
}
