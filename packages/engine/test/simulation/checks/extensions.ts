import type { Instant, Outcome } from '@querator/core';
import { instantAt } from '../system/scheduler.ts';
import { type Check, endedWellBefore, nameOf, type OpRecord } from './run-record.ts';

/**
 * No sweep takes back a lease before the deadline of its last extension. Storage has
 * confirmed every new deadline that a consumer was told.
 */
export const extensions: Check = function* ({ events, calls, ops }) {
  const sweeps = new Set(ops.filter(({ sent }) => sent.name === 'sweep').map(({ sent }) => sent.op));
  const deadlines = new Map<string, Instant>();
  const confirmed = new Map<number, ReadonlyMap<string, Instant>>();
  for (const event of events) {
    if (event.type === 'extended') {
      for (const { id, deadline } of event.leases) deadlines.set(id, deadline);
      confirmed.set(event.op, new Map(event.leases.map(({ id, deadline }) => [id, deadline])));
    }
    if (event.type !== 'effect') continue;
    const { left, changed } = event.effect;
    for (const { id, state } of [...left, ...changed.map(({ before }) => before)]) {
      const deadline = deadlines.get(id);
      deadlines.delete(id);
      if (state !== 'leased' || deadline === undefined || !sweeps.has(event.op)) continue;
      if (instantAt(event.atMs) <= deadline) yield `a sweep took back ${id} before its lease had ended`;
    }
  }
  for (const call of calls) {
    const { request } = call.asked;
    const answer = call.answer?.answer;
    if (request.kind !== 'extend' || answer?.how !== 'ok') continue;
    const outcomes = answer.value as readonly Outcome<Instant>[];
    const isConfirmed = (id: string, deadline: Instant) => (op: OpRecord) =>
      endedWellBefore(op, call) && confirmed.get(op.sent.op)?.get(id) === deadline;
    for (const [n, outcome] of outcomes.entries()) {
      const id = request.ids[n] as string;
      if (outcome.ok && !ops.some(isConfirmed(id, outcome.value))) {
        yield `${nameOf(call)} was told a deadline of ${id} that storage did not confirm`;
      }
    }
  }
};
