import type { ItemId } from '@querator/core';
import type { Answers } from './consumers.ts';
import { nameOf } from './item-content.ts';
import type { KnownIds } from './known-ids.ts';
import type { Seen } from './observe.ts';
import { learned } from './rules/moment.ts';
import type { QueueRules } from './rules/queue-rules.ts';
import { RuleBroken } from './rules/rule-broken.ts';
import { type RuleItem, UNSEEN_ID } from './rules/rule-item.ts';

interface Sighting {
  readonly partition: number;
  readonly id: ItemId;
}

/**
 * Copies to the rules what they leave to the service: ids, the partition of new
 * items, and the order of items that reached the tail at the same time. Checks
 * that the rules allow it.
 */
export function learnIds(queue: QueueRules, seen: Seen, answers: Answers, known: KnownIds): void {
  const sightings = sightingsOf(queue, seen, answers);
  const old = queue.items.filter(({ id }) => id !== undefined);
  const fresh = queue.items.filter(({ id }) => id === undefined);
  const ids = fresh.map((item) => {
    const sighting = sightings.get(item.name);
    if (sighting === undefined)
      throw new RuleBroken(`'${item.name}' is lost: queue '${queue.name}' must hold it`);
    item.partition ??= sighting.partition;
    const greatest = known.greatest(queue.name, item.partition);
    if (sighting.id <= greatest) {
      throw new RuleBroken(
        `'${item.name}' went to the tail of queue '${queue.name}' without a new id: it has ${known.label(sighting.id)}, not after ${known.label(greatest)}`,
      );
    }
    item.id = sighting.id;
    return sighting.id;
  });
  fresh.forEach(({ name, partition }, index) => {
    known.add(ids[index] as ItemId, { name, queue: queue.name, partition: partition as number });
  });
  const loose = fresh.filter((item) => item.loose).sort(byId);
  checkScheduleOrder(loose);
  queue.items = [...old, ...fresh.filter((item) => !item.loose), ...loose];
  for (const item of loose) Object.assign(item, { loose: false, cameDue: undefined });
}

/** Copies the exact times of what happened within a moment. The comparison then finds times outside of it. */
export function learnTimes(queue: QueueRules, { queued, scheduled }: Seen, known: KnownIds): void {
  for (const stored of [...queued, ...scheduled].flat()) {
    const item = queue.items.find(({ id }) => id === stored.id);
    if (item === undefined) continue;
    item.createdAt = learned(item.createdAt, stored.createdAt);
    item.expireDeadline = learned(item.expireDeadline, stored.expireDeadline);
    // It died under an id that the service had not shown, so this must be a new id.
    if (item.sourceId === UNSEEN_ID && !known.has(stored.sourceId ?? '')) item.sourceId = stored.sourceId;
    item.until &&= learned(item.until, stored.leaseDeadline ?? stored.enqueueAt);
  }
}

function sightingsOf(
  queue: QueueRules,
  { queued, scheduled }: Seen,
  answers: Answers,
): Map<string, Sighting> {
  const sightings = new Map<string, Sighting>();
  for (const list of [queued, scheduled]) {
    list.forEach((items, partition) => {
      for (const item of items) sightings.set(nameOf(item), { partition, id: item.id });
    });
  }
  for (const { clientId } of queue.consumers) {
    const answer = answers.get(clientId);
    if (answer?.leased === undefined) continue;
    const { partition, items } = answer.leased;
    for (const item of items) sightings.set(nameOf(item), { partition, id: item.id });
  }
  return sightings;
}

/** Due items entered the queue in the order of their times. With equal times they keep their order. */
function checkScheduleOrder(byNewId: readonly RuleItem[]): void {
  const due = byNewId.filter(({ cameDue }) => cameDue !== undefined);
  due.forEach((item, index) => {
    const before = due
      .slice(0, index)
      .find((other) => other.partition === item.partition && isLater(other, item));
    if (before === undefined) return;
    throw new RuleBroken(`'${before.name}' was due after '${item.name}', and entered the queue before it`);
  });
}

function isLater({ cameDue: a }: RuleItem, { cameDue: b }: RuleItem): boolean {
  if (a === undefined || b === undefined) return false;
  return a.at > b.at || (a.at === b.at && a.id > b.id);
}

function byId(a: RuleItem, b: RuleItem): number {
  return (a.id as ItemId) < (b.id as ItemId) ? -1 : 1;
}
