import type { HistoryEvent } from '../history.ts';
import { leasedOf } from '../request.ts';
import { isPreparedLetter } from './dead-letters.ts';
import { awakeMs, type Check } from './run-record.ts';

/** In milliseconds; less than the time between two events. */
const MOMENT_MS = 0.000_5;

/**
 * Leased items reach a consumer, or are released at once. No item waits for the
 * end of its lease because its consumer left. An item that a consumer holds is
 * not released.
 */
export const leasesReachSomeone: Check = function* (run) {
  const { calls, ops, events } = run;
  const handed = new Map<string, number>();
  for (const { asked, answer, answeredAt } of calls) {
    if (answer === undefined || asked.request.kind !== 'lease') continue;
    for (const { id } of leasedOf(answer.answer).items) handed.set(id, answeredAt);
  }
  const crashes = new Map<string, number>();
  for (const each of events) if (each.type === 'crash') crashes.set(each.engine, each.atMs);
  const releases = new Map<string, number[]>();
  for (const { sent, sentAt } of ops) {
    if (sent.name !== 'release') continue;
    for (const id of sent.args[0] as readonly string[]) {
      releases.set(id, [...(releases.get(id) ?? []), sentAt]);
      if ((handed.get(id) ?? sentAt) < sentAt)
        yield `item ${id} was given back by op ${sent.op}, and a consumer holds it`;
    }
  }
  for (const { sent, effects, returned, returnedAt } of ops) {
    if (returned?.ending !== 'ok') continue;
    for (const { now } of effects) {
      for (const after of now) {
        if (after.state !== 'leased' || isPreparedLetter(after) || handed.has(after.id)) continue;
        // In the moment in which the engine receives the leased items, unless it falls asleep then and
        // crashes.
        const isAtOnce = (untilMs: number) => awakeMs(run, sent.engine, returned.atMs, untilMs) < MOMENT_MS;
        const isGivenBack =
          isAtOnce(crashes.get(sent.engine) ?? Number.POSITIVE_INFINITY) ||
          (releases.get(after.id) ?? []).some(
            (at) => at > returnedAt && isAtOnce((events[at] as HistoryEvent).atMs),
          );
        if (!isGivenBack) {
          yield `item ${after.name} (${after.id}) was leased by op ${sent.op}, for nobody, and not given back`;
        }
      }
    }
  }
};
