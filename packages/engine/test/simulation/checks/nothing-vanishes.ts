import type { Effect, Stay } from '../history.ts';
import type { Request } from '../request.ts';
import { type CallStory, type Check, claimedIds, type OpStory, type Story } from './story.ts';

/** An item leaves a partition only for a reason: someone asked for it, or time did and the settings allow it. */
export const nothingVanishes: Check = function* (story) {
  for (const op of story.ops) {
    for (const effect of op.effects) {
      for (const stay of vanished(effect)) {
        const objection = objectionTo(story, op, stay);
        if (objection !== undefined) {
          yield `item ${stay.name} (${stay.id}, ${stay.state}) left ${op.sent.place} by op ${op.sent.op} (${op.sent.name}): ${objection}`;
        }
      }
    }
  }
};

/** What is gone, and not merely under another id. */
function vanished({ came, left }: Effect): readonly Stay[] {
  if (left.length === 0) return [];
  const stillThere = new Set(came.map(({ name }) => name));
  return left.filter(({ name }) => !stillThere.has(name));
}

function objectionTo(story: Story, op: OpStory, stay: Stay): string | undefined {
  const queue = op.sent.place.split('/')[0] as string;
  const asked = (kind: Request['kind'], isIt: (call: CallStory) => boolean = () => true) =>
    story.calls.some(
      (call) =>
        call.asked.request.kind === kind &&
        call.asked.request.queue === queue &&
        call.askedAt < op.effectAt &&
        isIt(call),
    );
  const named = (call: CallStory) => claimedIds(call).includes(stay.id);
  switch (op.sent.name) {
    case 'complete':
      return asked('complete', named) ? undefined : 'nobody completed it';
    case 'retry':
      if (!asked('retry', named)) return 'nobody retried it';
      return mayBeDeleted(story, queue) ? undefined : 'it has a dead-letter queue to go to';
    case 'sweep':
      return mayBeDeleted(story, queue) ? undefined : 'it has a dead-letter queue to go to';
    case 'remove':
      if (mayBeDeleted(story, queue)) return undefined;
      return isDelivered(story, op, stay) ? undefined : 'its dead letter was not delivered';
    case 'abortLetters':
      return isGone(story, op, stay.sourceId) ? undefined : 'the item it came of is still there';
    case 'clear':
      return asked('clear') ? undefined : 'nobody cleared the queue';
    case 'delete': {
      const isIt = ({ asked: { request } }: CallStory) =>
        request.kind === 'delete-items' && request.ids.includes(stay.id);
      return asked('delete-items', isIt) ? undefined : 'nobody deleted it';
    }
    default:
      // Any call may come upon what a deleted queue left behind.
      return asked('delete-queue') ? undefined : 'nobody deleted the queue';
  }
}

/** Whether the queue was ever without a dead-letter queue. Settings take their time to reach all engines. */
function mayBeDeleted({ settings }: Story, queue: string): boolean {
  return settings.some((each) => each.queue === queue && each.deadQueue === '');
}

/** Whether storage had answered that its dead letter was stored, and then made available if it was still held. */
function isDelivered({ births, ops }: Story, op: OpStory, stay: Stay): boolean {
  const isStored = births.some(({ stay: { sourceId, name } }) => sourceId === stay.id && name === stay.name);
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

/** Whether an item had left its queue for good. */
function isGone({ ops }: Story, { effectAt }: OpStory, id: string | undefined): boolean {
  return ops.some(
    (other) =>
      other.effectAt < effectAt && other.effects.some(({ left }) => left.some((stay) => stay.id === id)),
  );
}
