import { leasedOf } from '../request.ts';
import { isHeldLetter } from './dead-letters.ts';
import type { Check } from './story.ts';

/**
 * What was leased for consumers reaches one, or is given back at once: nothing
 * waits for a lease to run out because its consumer had left. And what a
 * consumer holds is not given back behind its back.
 */
export const leasesReachSomeone: Check = function* ({ calls, ops, happenings }) {
  const handed = new Map<string, number>();
  for (const { asked, answer, answeredAt } of calls) {
    if (answer === undefined || asked.request.kind !== 'lease') continue;
    for (const { id } of leasedOf(answer.answer).items) handed.set(id, answeredAt);
  }
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
    for (const { came, changed } of effects) {
      for (const after of [...came, ...changed.map((change) => change.after)]) {
        if (after.state !== 'leased' || isHeldLetter(after) || handed.has(after.id)) continue;
        // In the very moment in which the engine is told what it leased.
        const isGivenBack = (releases.get(after.id) ?? []).some(
          (at) => at > returnedAt && happenings[at]?.atMs === returned.atMs,
        );
        if (!isGivenBack) {
          yield `item ${after.name} (${after.id}) was leased by op ${sent.op}, for nobody, and not given back`;
        }
      }
    }
  }
};
