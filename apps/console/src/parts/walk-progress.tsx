import type { Walking } from '../api/use-walk.ts';
import { countOf, formatCount } from '../text/number.ts';
import { ErrorNote } from './error-note.tsx';

/**
 * How far a walk has come, with buttons that stop it and let it go on.
 *
 * @param props `total`: about how many rows there are; undefined: it is not known. `before`: how many were
 *   read before this walk began. `noun`: what the rows are.
 */
export function WalkProgress({
  walk,
  total,
  before = 0,
  noun = 'item',
  found,
}: {
  readonly walk: Walking<unknown>;
  readonly total: number | undefined;
  readonly before?: number;
  readonly noun?: string;
  /** How many of the rows are wanted ones. Absent: all. */
  readonly found?: number;
}) {
  const { state, error } = walk;
  const read = before + walk.read;
  const isKnown = total !== undefined && total >= read;
  return (
    <div class="walk">
      {error !== undefined && error.kind !== 'signed-out' && <ErrorNote error={error} retry={walk.goOn} />}
      {state === 'walking' && (
        <progress aria-label="Read" {...(isKnown ? { max: Math.max(1, total), value: read } : {})} />
      )}
      <p>
        <span role="status">
          {WORDS[state]}{' '}
          {isKnown && state !== 'end'
            ? `${formatCount(read)} of about ${countOf(total, noun)}.`
            : `${countOf(read, noun)}.`}
          {found !== undefined && ` ${formatCount(found)} found.`}
        </span>{' '}
        {state === 'walking' && (
          <button type="button" onClick={walk.stop}>
            Stop
          </button>
        )}
        {state === 'stopped' && error === undefined && (
          <button type="button" onClick={walk.goOn}>
            Continue
          </button>
        )}
      </p>
    </div>
  );
}

const WORDS: Readonly<Record<Walking<unknown>['state'], string>> = {
  walking: 'Reading. So far',
  stopped: 'Stopped after',
  enough: 'Read',
  end: 'Read to the end:',
};
