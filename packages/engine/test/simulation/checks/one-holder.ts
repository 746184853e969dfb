import type { LeasedItem } from '@querator/core';
import { isIntact } from '../item-content.ts';
import { leasedOf } from '../request.ts';
import { type Check, endedWellBefore, nameOf, type OpRecord } from './run-record.ts';

/**
 * A consumer receives only items that storage leased to its engine, as storage
 * returned them. One stay of an item reaches one consumer only.
 */
export const oneHolder: Check = function* ({ calls, ops }) {
  const leases = new Map<string, OpRecord[]>();
  for (const op of ops) {
    for (const { now } of op.effects) {
      for (const stay of now) {
        if (stay.state === 'leased') leases.set(stay.id, [...(leases.get(stay.id) ?? []), op]);
      }
    }
  }
  const holders = new Map<string, string>();
  for (const call of calls) {
    if (call.answer === undefined || call.asked.request.kind !== 'lease') continue;
    const { partition, items } = leasedOf(call.answer.answer);
    const { queue, limit } = call.asked.request;
    if (items.length > limit)
      yield `${nameOf(call)} was handed ${items.length} items, and asked for ${limit}`;
    if (items.length > 0 && call.leftAt !== undefined)
      yield `${nameOf(call)} was handed items after it had left`;
    let previous = '';
    for (const item of items) {
      const holder = holders.get(item.id);
      if (holder !== undefined) yield `item ${item.id} was handed to ${holder}, and also to ${nameOf(call)}`;
      holders.set(item.id, nameOf(call));
      const lease = leases
        .get(item.id)
        ?.findLast((op) => endedWellBefore(op, call) && op.sent.place === `${queue}/${partition}`);
      if (lease === undefined) yield `${nameOf(call)} was handed ${item.id}, which storage had not leased`;
      else if (!isLeasedAs(lease, item))
        yield `${nameOf(call)} was handed ${item.id} other than it is stored`;
      if (item.id < previous) yield `${nameOf(call)} was handed items out of order`;
      previous = item.id;
    }
  }
};

function isLeasedAs({ effects }: OpRecord, item: LeasedItem): boolean {
  if (!isIntact(item)) return false;
  return effects.some(({ now }) =>
    now.some(
      ({ id, attempts, name }) => id === item.id && attempts === item.attempts && name === item.reference,
    ),
  );
}
