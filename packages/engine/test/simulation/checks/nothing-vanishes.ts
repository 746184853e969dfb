import type { Effect, Stay } from '../history.ts';
import type { Request } from '../request.ts';
import type { CallRecord, Check, OpRecord, RunRecord } from './run-record.ts';

/** An item leaves a partition only by a request, or by time if the settings allow it. */
export const nothingVanishes: Check = function* (run) {
  for (const op of run.ops) {
    for (const effect of op.effects) {
      for (const stay of vanished(effect)) {
        const violation = violationOf(run, op, stay);
        if (violation !== undefined) {
          yield `item ${stay.name} (${stay.id}, ${stay.state}) left ${op.sent.place} by op ${op.sent.op} (${op.sent.name}): ${violation}`;
        }
      }
    }
  }
};

/** Items that are gone, not only under another id. */
function vanished({ came, left }: Effect): readonly Stay[] {
  if (left.length === 0) return [];
  const stillThere = new Set(came.map(({ name }) => name));
  return left.filter(({ name }) => !stillThere.has(name));
}

function violationOf(run: RunRecord, op: OpRecord, stay: Stay): string | undefined {
  const queue = op.sent.place.split('/')[0] as string;
  const asked = (kind: Request['kind'], isIt: (call: CallRecord) => boolean = () => true) =>
    run.calls.some(
      (call) =>
        call.asked.request.kind === kind &&
        call.asked.request.queue === queue &&
        call.askedAt < op.effectAt &&
        isIt(call),
    );
  const claimed = (kind: Request['kind']) =>
    run.claims.get(stay.id)?.some(({ asked: { request }, askedAt }) => {
      return request.kind === kind && request.queue === queue && askedAt < op.effectAt;
    }) === true;
  switch (op.sent.name) {
    case 'complete':
      return claimed('complete') ? undefined : 'nobody completed it';
    case 'retry':
      if (!claimed('retry')) return 'nobody retried it';
      return mayBeDeleted(run, queue) ? undefined : 'it has a dead-letter queue to go to';
    case 'sweep':
      return mayBeDeleted(run, queue) ? undefined : 'it has a dead-letter queue to go to';
    case 'remove':
      if (mayBeDeleted(run, queue)) return undefined;
      return isDelivered(run, op, stay) ? undefined : 'its dead letter was not delivered';
    case 'abortLetters':
      return isGone(run, op, stay.sourceId) ? undefined : 'the item it came of is still there';
    case 'clear':
      return asked('clear') ? undefined : 'nobody cleared the queue';
    case 'delete': {
      const isIt = ({ asked: { request } }: CallRecord) =>
        request.kind === 'delete-items' && request.ids.includes(stay.id);
      return asked('delete-items', isIt) ? undefined : 'nobody deleted it';
    }
    default:
      // Any call may remove what a deleted queue left behind. A queue with items is only deleted if that was asked.
      return asked('delete-queue', removesItems) ? undefined : 'nobody deleted the queue';
  }
}

function removesItems({ asked: { request } }: CallRecord): boolean {
  return request.kind === 'delete-queue' && request.onlyEmpty !== true;
}

/** Whether the queue was ever without a dead-letter queue. Settings reach the engines with a delay. */
function mayBeDeleted({ settings }: RunRecord, queue: string): boolean {
  return settings.some((each) => each.queue === queue && each.deadQueue === '');
}

/** Whether storage had confirmed that the dead letter was stored, and committed if it was still prepared. */
function isDelivered({ arrivals, ops }: RunRecord, op: OpRecord, stay: Stay): boolean {
  const isStored = arrivals.some(
    ({ stay: { sourceId, name } }) => sourceId === stay.id && name === stay.name,
  );
  return (
    isStored &&
    ops.some(
      ({ sent, returned, returnedAt }) =>
        sent.name === 'commitLetters' &&
        returned?.ending === 'ok' &&
        returnedAt < op.sentAt &&
        (sent.args[0] as readonly string[]).includes(stay.id),
    )
  );
}

/** Whether an item had left its queue before the effect of `op`. */
function isGone({ ops }: RunRecord, { effectAt }: OpRecord, id: string | undefined): boolean {
  return ops.some(
    (other) =>
      other.effectAt < effectAt && other.effects.some(({ left }) => left.some((stay) => stay.id === id)),
  );
}
