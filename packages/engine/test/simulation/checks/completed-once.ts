import { COMPLETE_TIMEOUT_MS } from '../request.ts';
import {
  type CallRecord,
  type Check,
  claimedIds,
  endedWellBefore,
  nameOf,
  type OpRecord,
  type RunRecord,
} from './run-record.ts';

/**
 * An acknowledged complete or retry has done all that it asked, and storage had
 * confirmed that before. No id is completed or retried twice. An error has a
 * cause in storage, or the time was up before the engine had called storage for
 * the items.
 */
export const completedOnce: Check = function* (run) {
  for (const [id, calls] of run.claims) {
    const done = calls.filter(({ answer }) => answer?.answer.how === 'ok');
    if (done.length > 1) yield `item ${id} was done with twice: ${done.map(nameOf).join(', ')}`;
  }
  const takers = takersOf(run);
  for (const call of run.calls) {
    const { kind } = call.asked.request;
    if (kind !== 'complete' && kind !== 'retry') continue;
    const answer = call.answer?.answer;
    if (answer?.how === 'ok') yield* notDone(takers, call);
    if (answer?.how === 'error') yield* withoutCause(run, call, answer);
  }
};

/** The storage calls that took away or changed each item, by its id. */
type Takers = ReadonlyMap<string, readonly OpRecord[]>;

function takersOf({ ops }: RunRecord): Takers {
  const takers = new Map<string, OpRecord[]>();
  for (const op of ops) {
    for (const { left, changed } of op.effects) {
      for (const { id } of [...left, ...changed.map(({ before }) => before)]) {
        const others = takers.get(id);
        if (others === undefined) takers.set(id, [op]);
        else others.push(op);
      }
    }
  }
  return takers;
}

function* notDone(takers: Takers, call: CallRecord): Iterable<string> {
  const { kind } = call.asked.request;
  for (const id of claimedIds(call)) {
    const done = takers
      .get(id)
      ?.some((op) => op.sent.name === kind && op.sentAt > call.askedAt && endedWellBefore(op, call));
    if (done !== true) {
      yield `${nameOf(call)} was answered with success, and storage had not done so with ${id}`;
    }
  }
}

function* withoutCause(
  run: RunRecord,
  call: CallRecord,
  { code, message }: { readonly code: string; readonly message: string },
): Iterable<string> {
  const { kind, queue } = call.asked.request as { kind: string; queue: string };
  const { engine } = call.asked;
  const answered = run.ops.filter(
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
    !ranOutOfTime(run, call)
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

/** Whether a complete timed out before its engine had called storage for more than the queue. */
function ranOutOfTime({ ops }: RunRecord, { asked, askedAt, answer, answeredAt }: CallRecord): boolean {
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
