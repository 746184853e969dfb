import { type CallRecord, type Check, type ItemArrival, nameOf } from './run-record.ts';
import { sendings } from './sendings.ts';

/**
 * Produce requests of one engine that go to storage together are stored in the
 * order of their arrival. Requests that are sent again, because a partition
 * failed, lose their place.
 */
export const produceOrder: Check = function* ({ calls, arrivals, ops }) {
  const sent = sendings(ops);
  const arrived = new Map<string, ItemArrival>();
  for (const arrival of arrivals)
    if (arrival.stay.sourceId === undefined) arrived.set(arrival.stay.name, arrival);
  /** The last request to arrive of those that the same storage call stored. */
  const last = new Map<number, { readonly call: CallRecord; readonly id: string }>();
  for (const call of calls) {
    const { request } = call.asked;
    if (request.kind !== 'produce') continue;
    const [{ name }] = request.items as [{ readonly name: string }];
    const arrival = arrived.get(name);
    if (arrival === undefined || sent.get(name)?.length !== 1) continue;
    const { op } = arrival.op.sent;
    const earlier = last.get(op);
    if (earlier !== undefined && arrival.stay.id < earlier.id) {
      yield `${nameOf(call)} was stored before ${nameOf(earlier.call)}, which came first`;
    }
    last.set(op, { call, id: arrival.stay.id });
  }
};
