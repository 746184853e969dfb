import type { Effect, Happening, Stay } from '../history.ts';
import { awakeMs, type Birth, type Check, type Story } from './story.ts';

/** An engine that goes on for so long withdraws a letter that it stored too late. */
const WITHDRAWN_MS = 20_000;

/**
 * An item that died becomes one dead letter: nobody is offered a second one,
 * whatever fails and whoever crashes. Where the dead-letter queue is deleted,
 * its letters are gone with it, and what is still to be moved goes to the new one.
 * A letter stored after another one of the item had been offered is withdrawn by
 * who stored it, unless that engine ends soon, or has slept and is then not
 * answered when it stores the letter, or looks what became of the item (ADR 15).
 */
export const deadLetters: Check = function* (story) {
  const moving = movingNames(story);
  for (const { stay } of story.births) {
    if (stay.sourceId === undefined) continue;
    if (moving.get(stay.sourceId) !== stay.name)
      yield `dead letter ${stay.id} came of ${stay.sourceId}, which had not died`;
    if (!isPreparedLetter(stay)) yield `dead letter ${stay.id} was not prepared when it came`;
  }
  for (const [sourceId, times] of offersOf(story)) {
    if (times > 1 + nobodyWithdraws(story, sourceId))
      yield `item ${sourceId} was offered as a dead letter ${times} times`;
  }
};

/** How often a letter of each item became available, other than by being given back. */
function offersOf({ ops }: Story): ReadonlyMap<string, number> {
  const offers = new Map<string, number>();
  for (const { effects } of ops) {
    for (const effect of effects) {
      for (const sourceId of offered(effect)) offers.set(sourceId, (offers.get(sourceId) ?? 0) + 1);
    }
  }
  return offers;
}

/** How many letters of an item came late, by engines that had no time left. */
function nobodyWithdraws(story: Story, sourceId: string): number {
  const [, ...late] = story.births.filter(({ stay }) => stay.sourceId === sourceId);
  return late.filter((birth) => hadNoTime(story, birth) || couldNotLook(story, birth)).length;
}

function hadNoTime(story: Story, { op: { sent, effectAt } }: Birth): boolean {
  const { happenings } = story;
  const end = happenings.find(
    (each) => (each.type === 'crash' || each.type === 'stop') && each.engine === sent.engine,
  );
  if (end === undefined) return false;
  const { atMs } = happenings[effectAt] as Happening;
  return awakeMs(story, sent.engine, atMs, end.atMs) < WITHDRAWN_MS;
}

function couldNotLook({ ops, naps }: Story, { op: { sent, effectAt, returned }, stay }: Birth): boolean {
  if (!naps.has(sent.engine)) return false;
  return (
    returned?.ending !== 'ok' ||
    ops.some(
      (look) =>
        look.sent.engine === sent.engine &&
        look.sent.name === 'markMoved' &&
        look.sentAt > effectAt &&
        look.returned?.ending !== 'ok' &&
        (look.sent.args[0] as readonly string[]).includes(stay.sourceId as string),
    )
  );
}

function offered({ came, left }: Effect): readonly string[] {
  const werePrepared = new Set(left.filter(isPreparedLetter).map(({ name }) => name));
  return came
    .filter(({ name, state }) => state === 'waiting' && werePrepared.has(name))
    .map(({ sourceId }) => sourceId as string);
}

/** It has 0 attempts only until it is handed out for the first time. */
export function isPreparedLetter({ sourceId, state, attempts }: Stay): boolean {
  return sourceId !== undefined && state === 'leased' && attempts === 0;
}

function movingNames({ ops }: Story): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { effects } of ops) {
    for (const { came, changed } of effects) {
      for (const stay of [...came, ...changed.map(({ after }) => after)]) {
        if (stay.state === 'moving') names.set(stay.id, stay.name);
      }
    }
  }
  return names;
}
