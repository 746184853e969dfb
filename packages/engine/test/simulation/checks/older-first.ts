import { DEFAULT_ENGINE_LIMITS } from '../../../src/service/engine-options.ts';
import { isPreparedLetter } from './dead-letters.ts';
import { type LeaseEpisode, leaseEpisodes } from './lease-episodes.ts';
import { awakeMs, type CallStory, type Check, nameOf, type OpStory, type Story } from './story.ts';

/**
 * In one partition the older item is handed out first, whoever asks where.
 *
 * - Storage leases nothing while something older waits.
 * - Of what one statement brought, nothing is put back that is older than what
 *   is handed out.
 * - What a statement had brought is handed out, or put back, before an engine
 *   asks for what comes behind it.
 * - An item is passed over only where its lease was undone, and that only where
 *   a consumer had left, or a statement was slow, or its consumer was handed
 *   what another such statement had brought. Then consumers of other engines may
 *   be handed later ones meanwhile; and those of the same one where both
 *   statements had been on their way together, neither of them slow by then.
 */
export const olderFirst: Check = function* (story) {
  yield* passedOverByStorage(story);
  const known = knownAt(story);
  const partitions = [...leaseEpisodes(story).values()];
  const served = servedBy(partitions.flat());
  for (const episodes of partitions) {
    for (const [n, late] of episodes.entries()) {
      if (late.handed === undefined) continue;
      for (const early of episodes.slice(0, n)) {
        if (early.id >= late.id || !isStillHeld(early, late.handed.at)) continue;
        if ((known.get(early.id) ?? Number.POSITIVE_INFINITY) > late.handed.to.askedAt) continue;
        const objection = objectionTo(story, served, early, late);
        if (objection === undefined) continue;
        yield `${nameOf(late.handed.to)} was handed ${late.id} before ${early.id}, which is older: ${objection}`;
      }
    }
  }
};

function* passedOverByStorage({ happenings }: Story): Iterable<string> {
  const waiting = new Map<string, Set<string>>();
  for (const happening of happenings) {
    if (happening.type !== 'effect') continue;
    const { op, place, effect } = happening;
    const here = waiting.get(place) ?? new Set();
    waiting.set(place, here);
    let last = '';
    for (const { id } of effect.left) here.delete(id);
    for (const stay of [...effect.came, ...effect.changed.map(({ after }) => after)]) {
      if (stay.state === 'waiting') here.add(stay.id);
      else here.delete(stay.id);
      if (stay.state === 'leased' && !isPreparedLetter(stay) && stay.id > last) last = stay.id;
    }
    for (const id of here) {
      if (id < last) yield `op ${op} leased ${last}, and ${id}, which is older, waited in ${place}`;
    }
  }
}

/** When an engine was told that an item waits. */
function knownAt({ ops }: Story): ReadonlyMap<string, number> {
  const known = new Map<string, number>();
  for (const { effects, returned, returnedAt } of ops) {
    if (returned?.ending !== 'ok') continue;
    for (const { came, changed } of effects) {
      for (const { id, state } of [...came, ...changed.map(({ after }) => after)]) {
        if (state === 'waiting') known.set(id, Math.min(known.get(id) ?? returnedAt, returnedAt));
      }
    }
  }
  return known;
}

/** The statements that brought what consumers were handed. */
type ServedBy = ReadonlyMap<CallStory, OpStory>;

function servedBy(episodes: readonly LeaseEpisode[]): ServedBy {
  return new Map(episodes.flatMap(({ handed, op }) => (handed === undefined ? [] : [[handed.to, op]])));
}

/** Whether an item was in an engine's hands at that moment, on its way to a consumer or back to its place. */
function isStillHeld({ handed, undone }: LeaseEpisode, at: number): boolean {
  return (handed?.at ?? undone?.at ?? Number.NEGATIVE_INFINITY) > at;
}

function objectionTo(
  story: Story,
  served: ServedBy,
  early: LeaseEpisode,
  late: LeaseEpisode,
): string | undefined {
  const { op, undone } = early;
  const isSameEngine = op.sent.engine === late.op.sent.engine;
  if (op === late.op) return undone === undefined ? undefined : 'they came together, and it was put back';
  if (isSameEngine && op.returnedAt < late.op.sentAt && !hadFailed(undone?.by, late.op)) {
    return `op ${op.sent.op} had brought it before op ${late.op.sent.op} was sent`;
  }
  if (undone === undefined) return undefined;
  if (!hasReason(story, served, op)) return `the lease by op ${op.sent.op} was undone though nobody had left`;
  if (isSameEngine && op.returnedAt > late.op.sentAt) {
    const waitedMs = awakeMs(story, op.sent.engine, op.sent.atMs, late.op.sent.atMs);
    if (waitedMs >= SURELY_SLOW_MS) return `op ${op.sent.op} was slow when op ${late.op.sent.op} was sent`;
  }
  return undefined;
}

const { slowMs: SLOW_MS, slowItemMs } = DEFAULT_ENGINE_LIMITS;
/** So slow is a statement of a simulation whatever it writes: none writes more than a hundred items. */
const SURELY_SLOW_MS = SLOW_MS + Math.floor(100 * slowItemMs);

/** Whether storage had not said that an undoing was done. Nobody knows then how long the item stays away. */
function hadFailed(undoing: OpStory | undefined, later: OpStory): boolean {
  return undoing?.returned?.ending !== 'ok' && (undoing?.returnedAt ?? later.sentAt) < later.sentAt;
}

/**
 * Whether a lease may have been for nobody in the end: its consumer had left,
 * or been served by another statement that was slow, or was itself for nobody.
 * What that one brought went to the consumer of this one, and so on.
 */
function hasReason({ calls }: Story, served: ServedBy, op: OpStory): boolean {
  const consumers = calls.filter(
    ({ asked: { engine, request } }) =>
      request.kind === 'lease' && request.queue === queueOf(op) && engine === op.sent.engine,
  );
  const inTurn = new Set([op]);
  for (const one of inTurn) {
    if (isSlow(one)) return true;
    const { sentAt, returnedAt } = one;
    for (const consumer of consumers) {
      if (isGoneWithin(consumer, sentAt, returnedAt)) return true;
      const by = served.get(consumer);
      const waited = consumer.askedAt < sentAt && sentAt < consumer.answeredAt;
      if (by !== undefined && waited && consumer.answeredAt < returnedAt) inTurn.add(by);
    }
  }
  return false;
}

function isSlow({ sent, returned }: OpStory): boolean {
  return (returned?.atMs ?? Number.POSITIVE_INFINITY) - sent.atMs >= SLOW_MS;
}

function isGoneWithin({ leftAt, answer, answeredAt }: CallStory, since: number, until: number): boolean {
  const goneAt = leftAt ?? (answer?.answer.how === 'ok' ? undefined : answeredAt);
  return goneAt !== undefined && goneAt >= since && goneAt <= until;
}

function queueOf({ sent }: Pick<OpStory, 'sent'>): string {
  return sent.place.split('/')[0] as string;
}
