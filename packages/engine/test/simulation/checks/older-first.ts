import { DEFAULT_ENGINE_LIMITS } from '../../../src/service/engine-options.ts';
import { isPreparedLetter } from './dead-letters.ts';
import { type LeaseEpisode, leaseEpisodes } from './lease-episodes.ts';
import { awakeMs, type CallRecord, type Check, nameOf, type OpRecord, type RunRecord } from './run-record.ts';

/**
 * Each partition hands out older items first, at whatever engine.
 *
 * - Storage leases no item while an older one waits.
 * - Of the items of one statement, none is released that is older than one
 *   handed out.
 * - An engine hands out or releases the items of a statement before it asks for
 *   later items.
 * - An item is passed over only if its lease was undone. That happens only if
 *   its consumer had left, if the statement was slow, or if its consumer
 *   received items of another such statement. Then consumers of other engines
 *   may receive later items. Consumers of the same engine may, if both
 *   statements were in flight together and neither was slow by then.
 */
export const olderFirst: Check = function* (run) {
  yield* passedOverByStorage(run);
  const known = knownAt(run);
  const partitions = [...leaseEpisodes(run).values()];
  const served = servedBy(partitions.flat());
  for (const episodes of partitions) {
    for (const late of episodes) {
      if (late.handed === undefined) continue;
      for (const early of episodes) {
        if (early === late) break;
        if (early.id >= late.id || !isStillHeld(early, late.handed.at)) continue;
        if ((known.get(early.id) ?? Number.POSITIVE_INFINITY) > late.handed.to.askedAt) continue;
        const violation = violationOf(run, served, early, late);
        if (violation === undefined) continue;
        yield `${nameOf(late.handed.to)} was handed ${late.id} before ${early.id}, which is older: ${violation}`;
      }
    }
  }
};

function* passedOverByStorage({ events }: RunRecord): Iterable<string> {
  const waiting = new Map<string, Set<string>>();
  for (const event of events) {
    if (event.type !== 'effect') continue;
    const { op, place, effect } = event;
    const here = waiting.get(place) ?? new Set();
    waiting.set(place, here);
    let last = '';
    for (const { id } of effect.left) here.delete(id);
    for (const stay of effect.now) {
      if (stay.state === 'waiting') here.add(stay.id);
      else here.delete(stay.id);
      if (stay.state === 'leased' && !isPreparedLetter(stay) && stay.id > last) last = stay.id;
    }
    for (const id of here) {
      if (id < last) yield `op ${op} leased ${last}, and ${id}, which is older, waited in ${place}`;
    }
  }
}

/** When an engine learned that an item waits. */
function knownAt({ ops }: RunRecord): ReadonlyMap<string, number> {
  const known = new Map<string, number>();
  for (const { effects, returned, returnedAt } of ops) {
    if (returned?.ending !== 'ok') continue;
    for (const { now } of effects) {
      for (const { id, state } of now) {
        if (state === 'waiting') known.set(id, Math.min(known.get(id) ?? returnedAt, returnedAt));
      }
    }
  }
  return known;
}

/** The statements whose items consumers received. */
type ServedBy = ReadonlyMap<CallRecord, OpRecord>;

function servedBy(episodes: readonly LeaseEpisode[]): ServedBy {
  return new Map(episodes.flatMap(({ handed, op }) => (handed === undefined ? [] : [[handed.to, op]])));
}

/** Whether an engine had the item at that moment, on its way to a consumer or back to storage. */
function isStillHeld({ handed, undone }: LeaseEpisode, at: number): boolean {
  return (handed?.at ?? undone?.at ?? Number.NEGATIVE_INFINITY) > at;
}

function violationOf(
  run: RunRecord,
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
  if (!hasReason(run, served, op)) return `the lease by op ${op.sent.op} was undone though nobody had left`;
  if (isSameEngine && op.returnedAt > late.op.sentAt) {
    const waitedMs = awakeMs(run, op.sent.engine, op.sent.atMs, late.op.sent.atMs);
    if (waitedMs >= SURELY_SLOW_MS) return `op ${op.sent.op} was slow when op ${late.op.sent.op} was sent`;
  }
  return undefined;
}

const { slowMs: SLOW_MS, slowItemMs } = DEFAULT_ENGINE_LIMITS;
/** When a statement of the simulation is slow, in milliseconds. None writes more than a hundred items. */
const SURELY_SLOW_MS = SLOW_MS + Math.floor(100 * slowItemMs);

/** Whether storage had not confirmed a release. Then it is unknown how long the item stays leased. */
function hadFailed(undoing: OpRecord | undefined, later: OpRecord): boolean {
  return undoing?.returned?.ending !== 'ok' && (undoing?.returnedAt ?? later.sentAt) < later.sentAt;
}

/**
 * Whether the lease may have lost its consumer. The consumer had left, or had
 * received items of another statement. That one was slow, or had lost its own
 * consumer.
 */
function hasReason({ calls }: RunRecord, served: ServedBy, op: OpRecord): boolean {
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

function isSlow({ sent, returned }: OpRecord): boolean {
  return (returned?.atMs ?? Number.POSITIVE_INFINITY) - sent.atMs >= SLOW_MS;
}

function isGoneWithin({ leftAt, answer, answeredAt }: CallRecord, since: number, until: number): boolean {
  const goneAt = leftAt ?? (answer?.answer.how === 'ok' ? undefined : answeredAt);
  return goneAt !== undefined && goneAt >= since && goneAt <= until;
}

function queueOf({ sent }: Pick<OpRecord, 'sent'>): string {
  return sent.place.split('/')[0] as string;
}
