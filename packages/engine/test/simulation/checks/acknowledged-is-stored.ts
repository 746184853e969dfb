import { type Birth, type CallStory, type Check, endedWellBefore, nameOf } from './story.ts';

/**
 * A produce answered with success has stored each item, once, in one partition,
 * side by side and in order; and storage had said so before.
 */
export const acknowledgedIsStored: Check = function* ({ calls, births }) {
  const byName = Map.groupBy(
    births.filter(({ stay }) => stay.sourceId === undefined),
    ({ stay }) => stay.name,
  );
  for (const call of calls) {
    const { request } = call.asked;
    if (request.kind !== 'produce') continue;
    const born = request.items.map(({ name }) => byName.get(name) ?? []);
    for (const [first, second] of born) {
      if (first !== undefined && second !== undefined) {
        yield `item ${first.stay.name} was stored twice, by op ${first.op.sent.op} and op ${second.op.sent.op}`;
      }
    }
    if (call.answer?.answer.how === 'ok')
      yield* whatIsWrong(
        call,
        born.flatMap((each) => each.slice(0, 1)),
        born.length,
      );
  }
};

function* whatIsWrong(call: CallStory, born: readonly Birth[], wanted: number): Iterable<string> {
  if (born.length < wanted) {
    yield `${nameOf(call)} was answered with success, and ${wanted - born.length} of its items were never stored`;
    return;
  }
  const [first] = born as [Birth];
  if (!endedWellBefore(first.op, call)) {
    yield `${nameOf(call)} was answered with success before storage was done`;
  }
  if (born.some(({ op }) => op !== first.op)) yield `${nameOf(call)} was torn apart`;
  for (let n = 1; n < born.length; n++) {
    if ((born[n] as Birth).stay.id < (born[n - 1] as Birth).stay.id)
      yield `${nameOf(call)} was stored out of order`;
  }
}
