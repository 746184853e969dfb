import { sendings } from './sendings.ts';
import { type Birth, type CallStory, type Check, nameOf } from './story.ts';

/**
 * Requests to produce that an engine sends to storage together are stored in
 * the order of their arrival. Those that go there for a second time, since
 * another partition was out of service, have lost their place.
 */
export const produceOrder: Check = function* ({ calls, births, ops }) {
  const sent = sendings(ops);
  const born = new Map<string, Birth>();
  for (const birth of births) if (birth.stay.sourceId === undefined) born.set(birth.stay.name, birth);
  /** The last one to arrive of what was stored by the same storage call. */
  const last = new Map<number, { readonly call: CallStory; readonly id: string }>();
  for (const call of calls) {
    const { request } = call.asked;
    if (request.kind !== 'produce') continue;
    const [{ name }] = request.items as [{ readonly name: string }];
    const birth = born.get(name);
    if (birth === undefined || sent.get(name)?.length !== 1) continue;
    const { op } = birth.op.sent;
    const earlier = last.get(op);
    if (earlier !== undefined && birth.stay.id < earlier.id) {
      yield `${nameOf(call)} was stored before ${nameOf(earlier.call)}, which came first`;
    }
    last.set(op, { call, id: birth.stay.id });
  }
};
