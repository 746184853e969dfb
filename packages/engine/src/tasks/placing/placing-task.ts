import { errorText, invalid, verbatim } from '@querator/core';
import type { TaskCall, TaskMove } from '../task-kind.ts';
import { MOST_AT_ONCE, type MovesState } from './child-moves.ts';

/** The most moves that a checkpoint keeps to show them. */
export const MOST_SHOWN = 100;
/** The most characters of the JSON of these. */
const SHOWN_LENGTH = 40_000;

/** Refuses what only tasks on one queue take. @throws QueueError `invalid` */
export function checkWholeServer({ queueName, filter = {}, to, atOnce = 0 }: TaskCall, kind: string): void {
  const none = (field: string) =>
    invalid(errorText`${verbatim(field)} is invalid; a task of the kind '${kind}' takes none`);
  if (queueName !== '') throw none('queue_name');
  if (Object.values(filter).some((condition) => condition !== undefined)) throw none('filter');
  if (to !== '') throw none('to');
  if (atOnce >= 0 && atOnce <= MOST_AT_ONCE) return;
  throw invalid(
    errorText`at_once is invalid; expected a number from 1 to ${MOST_AT_ONCE}, or 0 for the default`,
  );
}

/** As many moves as a checkpoint keeps. */
export function fitting(moves: readonly TaskMove[]): readonly TaskMove[] {
  let length = 0;
  return moves.slice(0, MOST_SHOWN).filter((move) => {
    length += JSON.stringify(move).length + 1;
    return length <= SHOWN_LENGTH;
  });
}

/** What holds the task back, in words. Undefined: nothing. */
export function remarkOn({ held }: MovesState): string | undefined {
  const [first] = held;
  if (first === undefined) return undefined;
  const { queue, partition, from, reason } = first;
  const more = held.length > 1 ? verbatim(`; ${held.length - 1} more`) : verbatim('');
  return errorText`partition ${partition} of queue '${queue}' stays on storage '${from}': ${verbatim(reason)}${more}`;
}
