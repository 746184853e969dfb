import type { Lives } from '../lives.ts';
import type { Shadows } from '../shadows.ts';
import type { Stay } from '../stays.ts';
import type { Violation } from '../violation.ts';

/** An item that waited during an acknowledged clear is gone. */
export function clearing(lives: Lives, stays: readonly Stay[], shadows: Shadows): readonly Violation[] {
  const clears = lives.history.operations.filter((each) => each.call === 'clear' && each.outcome === 'ok');
  return clears.flatMap((clear) => {
    const isHidden = shadows.fallOn({ from: clear.invoked, to: clear.returned });
    return stays
      .filter(({ by, taken }) => by < clear.invoked && clear.returned < taken.from && !isHidden)
      .map(({ item, life, delivery }) => ({
        rule: 'clearing' as const,
        items: [item],
        operations: [...(life.produce === undefined ? [] : [life.produce]), clear, delivery.lease],
        text: `${item} waited when the queue was cleared, and was delivered afterwards`,
      }));
  });
}
