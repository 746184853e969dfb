import type { Clear, Produce } from '../../history/history.ts';
import { isFinal, type Life, type Lives, mayHaveHappened } from '../lives.ts';
import type { Violation } from '../violation.ts';

/**
 * Acknowledged items are delivered until they are completed. A produce with an
 * unknown outcome stores all its items or none. Checked only if the history ends
 * with an empty queue.
 */
export function losses(lives: Lives): readonly Violation[] {
  if (!lives.history.drained) return [];
  const clears = lives.history.operations.filter((each) => each.call === 'clear');
  const produced = lives.history.operations.filter((each) => each.call === 'produce');
  return produced.flatMap((produce) => lossesOf(lives, produce, clears));
}

function lossesOf(lives: Lives, produce: Produce, clears: readonly Clear[]): readonly Violation[] {
  if (!mayHaveHappened(produce)) return [];
  const members = produce.items.map((item) => lives.of(item) as Life);
  const seen = members.filter(({ deliveries }) => deliveries.length > 0);
  if (produce.outcome === 'unknown' && seen.length === 0) return [];
  return members
    .filter((life) => !isAccountedFor(lives, life, clears))
    .map((life) => {
      const last = life.deliveries.at(-1);
      const operations = [
        produce,
        ...(last === undefined ? [] : [last.lease, ...lives.settlementsOf(last.id)]),
      ];
      if (last !== undefined) {
        const text = `${life.item} was lost: it was last delivered to ${last.lease.client}, never completed, and is gone`;
        return { rule: 'losses' as const, items: [life.item], operations, text };
      }
      const sibling = seen[0];
      if (produce.outcome === 'ok' || sibling === undefined) {
        const text = `${life.item} was lost: its produce was acknowledged, and nobody ever got it`;
        return { rule: 'losses' as const, items: [life.item], operations, text };
      }
      const text = `a produce was stored in part: ${sibling.item} was delivered, ${life.item} never`;
      return { rule: 'losses' as const, items: [life.item, sibling.item], operations, text };
    });
}

function isAccountedFor(lives: Lives, { produce, deliveries }: Life, clears: readonly Clear[]): boolean {
  const last = deliveries.at(-1);
  if (last !== undefined) {
    const ends = lives.settlementsOf(last.id).filter((each) => isFinal(each) && mayHaveHappened(each));
    if (ends.length > 0) return true;
  }
  // It existed at its last delivery, so only a later clear can have removed it.
  const seenAt = last?.lease.invoked ?? produce?.invoked ?? 0;
  return clears.some(
    (each) => each.outcome === 'unknown' || (each.outcome === 'ok' && each.returned >= seenAt),
  );
}
