import { useEffect, useMemo, useState } from 'preact/hooks';
import { sessionNumber } from './session.ts';
import { type Progress, Walk, type WalkOptions } from './walk.ts';

/** A walk as it goes on. */
export interface Walking<Found> extends Progress<Found> {
  readonly stop: () => void;
  readonly goOn: () => void;
  /** Begins anew. */
  readonly restart: () => void;
}

/**
 * Walks while the component is shown, and shows what has been found so far.
 *
 * @param key of what is read. Another key begins anew, and so does a new session, which may see more or less.
 */
export function useWalk<Found>(key: string, options: WalkOptions<Found>): Walking<Found> {
  const [turn, setTurn] = useState(0);
  const session = sessionNumber.value;
  const walk = useMemo(() => new Walk(options), [key, session, turn]);
  useEffect(() => {
    walk.goOn();
    return walk.stop;
  }, [walk]);
  return { ...walk.progress.value, stop: walk.stop, goOn: walk.goOn, restart: () => setTurn(turn + 1) };
}
