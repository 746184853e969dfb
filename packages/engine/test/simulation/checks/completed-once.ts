import type { Effect } from '../history.ts';
import { COMPLETE_TIMEOUT_MS } from '../request.ts';
import { type CallStory, type Check, claimedIds, endedWellBefore, nameOf, type Story } from './story.ts';

/**
 * A complete or retry answered with success has done all of what it asked, and
 * storage had said so before; no id is done away with twice. One answered with
 * an error has a cause for it in storage, or its time was up before its engine
 * had asked storage for anything but the queue.
 */
export const completedOnce: Check = function* (story) {
  for (const [id, calls] of story.claims) {
    const done = calls.filter(({ answer }) => answer?.answer.how === 'ok');
    if (done.length > 1) yield `item ${id} was done with twice: ${done.map(nameOf).join(', ')}`;
  }
  for (const call of story.calls) {
    const { kind } = call.asked.request;
    if (kind !== 'complete' && kind !== 'retry') continue;
    const answer = call.answer?.answer;
    if (answer?.how === 'ok') yield* notDone(story, call);
    if (answer?.how === 'error') yield* withoutCause(story, call, answer);
  }
};

function* notDone({ ops }: Story, call: CallStory): Iterable<string> {
  const { kind } = call.asked.request;
  for (const id of claimedIds(call)) {
    const done = ops.some(
      (op) =>
        op.sent.name === kind &&
        op.sentAt > call.askedAt &&
        endedWellBefore(op, call) &&
        op.effects.some((effect) => tookAway(effect, id)),
    );
    if (!done) yield `${nameOf(call)} was answered with success, and storage had not done so with ${id}`;
  }
}

function tookAway({ left, changed }: Effect, id: string): boolean {
  return left.some((stay) => stay.id === id) || changed.some(({ before }) => before.id === id);
}

function* withoutCause(
  story: Story,
  call: CallStory,
  { code, message }: { readonly code: string; readonly message: string },
): Iterable<string> {
  const { kind, queue } = call.asked.request as { kind: string; queue: string };
  const { engine } = call.asked;
  const answered = story.ops.filter(
    (op) =>
      op.sent.engine === engine &&
      op.returnedAt < call.answeredAt &&
      op.sentAt > call.askedAt - 1 &&
      op.sent.place.startsWith(`${queue}/`) &&
      op.sent.name === kind,
  );
  if (
    code === 'retry' &&
    message.startsWith('internal') &&
    !answered.some(({ returned }) => returned?.ending !== 'ok') &&
    !ranOutOfTime(story, call)
  ) {
    yield `${nameOf(call)} is said to have failed, and storage did not`;
  }
  if (
    message.startsWith('invalid storage id') &&
    !answered.some(({ returned }) => returned?.ending === 'ok')
  ) {
    yield `${nameOf(call)} was refused for '${message}', and storage was not asked`;
  }
}

/** Whether the time of a complete was up while its engine had asked storage nothing but for the queue. */
function ranOutOfTime({ ops }: Story, { asked, askedAt, answer, answeredAt }: CallStory): boolean {
  const { request, engine, atMs } = asked;
  if (request.kind !== 'complete' || (answer?.atMs ?? atMs) - atMs < COMPLETE_TIMEOUT_MS) return false;
  return !ops.some(
    ({ sent, sentAt }) =>
      sent.engine === engine &&
      sent.place.startsWith(`${request.queue}/`) &&
      sentAt > askedAt &&
      sentAt < answeredAt,
  );
}
