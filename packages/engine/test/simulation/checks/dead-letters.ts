import type { Effect, HistoryEvent, Stay } from '../history.ts';
import { awakeMs, type Check, type ItemArrival, type RunRecord } from './run-record.ts';

/** In milliseconds. An engine that runs this long aborts a letter that it prepared too late. */
const WITHDRAWN_MS = 20_000;

/**
 * A dead item becomes one dead letter. No consumer is offered a second one,
 * whatever fails or crashes. If the dead-letter queue is deleted, its letters
 * are lost, and later moves use the new queue.
 *
 * An engine that prepares a letter after another one was offered aborts it.
 * Exempt are engines that stop soon, and engines that slept and received no
 * answer (ADR 15).
 */
export const deadLetters: Check = function* (run) {
  const moving = movingNames(run);
  for (const { stay } of run.arrivals) {
    if (stay.sourceId === undefined) continue;
    if (moving.get(stay.sourceId) !== stay.name)
      yield `dead letter ${stay.id} came of ${stay.sourceId}, which had not died`;
    if (!isPreparedLetter(stay)) yield `dead letter ${stay.id} was not prepared when it came`;
  }
  for (const [sourceId, times] of offersOf(run)) {
    if (times > 1 + lateLetters(run, sourceId))
      yield `item ${sourceId} was offered as a dead letter ${times} times`;
  }
};

/** How often a letter of each item became available, other than by a release. */
function offersOf({ ops }: RunRecord): ReadonlyMap<string, number> {
  const offers = new Map<string, number>();
  for (const { effects } of ops) {
    for (const effect of effects) {
      for (const sourceId of offered(effect)) offers.set(sourceId, (offers.get(sourceId) ?? 0) + 1);
    }
  }
  return offers;
}

/** How many letters of an item came late, from engines that could not abort them. */
function lateLetters(run: RunRecord, sourceId: string): number {
  const [, ...late] = run.arrivals.filter(({ stay }) => stay.sourceId === sourceId);
  return late.filter((arrival) => hadNoTime(run, arrival) || couldNotCheck(run, arrival)).length;
}

function hadNoTime(run: RunRecord, { op: { sent, effectAt } }: ItemArrival): boolean {
  const { events } = run;
  const end = events.find(
    (each) => (each.type === 'crash' || each.type === 'stop') && each.engine === sent.engine,
  );
  if (end === undefined) return false;
  const { atMs } = events[effectAt] as HistoryEvent;
  return awakeMs(run, sent.engine, atMs, end.atMs) < WITHDRAWN_MS;
}

function couldNotCheck(
  { ops, sleeps }: RunRecord,
  { op: { sent, effectAt, returned }, stay }: ItemArrival,
): boolean {
  if (!sleeps.has(sent.engine)) return false;
  return (
    returned?.ending !== 'ok' ||
    ops.some(
      (check) =>
        check.sent.engine === sent.engine &&
        check.sent.name === 'markMoved' &&
        check.sentAt > effectAt &&
        check.returned?.ending !== 'ok' &&
        (check.sent.args[0] as readonly string[]).includes(stay.sourceId as string),
    )
  );
}

function offered({ came, left }: Effect): readonly string[] {
  if (came.length === 0 || left.length === 0) return [];
  const werePrepared = new Set(left.filter(isPreparedLetter).map(({ name }) => name));
  return came
    .filter(({ name, state }) => state === 'waiting' && werePrepared.has(name))
    .map(({ sourceId }) => sourceId as string);
}

/** A letter has 0 attempts until its first lease. */
export function isPreparedLetter({ sourceId, state, attempts }: Stay): boolean {
  return sourceId !== undefined && state === 'leased' && attempts === 0;
}

function movingNames({ ops }: RunRecord): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { effects } of ops) {
    for (const { now } of effects) {
      for (const stay of now) {
        if (stay.state === 'moving') names.set(stay.id, stay.name);
      }
    }
  }
  return names;
}
