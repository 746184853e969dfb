import type { Happening } from '../history.ts';
import { leasedOf } from '../request.ts';
import { isPreparedLetter } from './dead-letters.ts';
import { awakeMs, type Check } from './story.ts';

/** Less than passes between two events. */
const MOMENT_MS = 0.000_5;

/**
 * What was leased for consumers reaches one, or is given back at once: nothing
 * waits for a lease to run out because its consumer had left. And what a
 * consumer holds is not given back behind its back.
 */
export const leasesReachSomeone: Check = function* (story) {
  const { calls, ops, happenings } = story;
  const handed = new Map<string, number>();
  for (const { asked, answer, answeredAt } of calls) {
    if (answer === undefined || asked.request.kind !== 'lease') continue;
    for (const { id } of leasedOf(answer.answer).items) handed.set(id, answeredAt);
  }
  const crashes = new Map<string, number>();
  for (const each of happenings) if (each.type === 'crash') crashes.set(each.engine, each.atMs);
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
        if (after.state !== 'leased' || isPreparedLetter(after) || handed.has(after.id)) continue;
        // In the very moment in which the engine is told what it leased, unless it falls asleep over it, and dies.
        const isAtOnce = (untilMs: number) => awakeMs(story, sent.engine, returned.atMs, untilMs) < MOMENT_MS;
        const isGivenBack =
          isAtOnce(crashes.get(sent.engine) ?? Number.POSITIVE_INFINITY) ||
          (releases.get(after.id) ?? []).some(
            (at) => at > returnedAt && isAtOnce((happenings[at] as Happening).atMs),
          );
        if (!isGivenBack) {
          yield `item ${after.name} (${after.id}) was leased by op ${sent.op}, for nobody, and not given back`;
        }
      }
    }
  }
};
