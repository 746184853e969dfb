import type { Leased } from '@querator/engine';
import { timeText } from './compare.ts';
import { nameOf } from './item-content.ts';
import { after, learned, type Moment } from './rules/moment.ts';
import type { Consumer, QueueRules } from './rules/queue-rules.ts';
import { RuleBroken } from './rules/rule-broken.ts';
import type { RuleItem } from './rules/rule-item.ts';

/** The reply to a consumer: items, or the error text. */
export interface Answer {
  readonly leased?: Leased;
  readonly refused?: string;
}

/** Replies by client id. Consumers that still wait have none. */
export type Answers = ReadonlyMap<string, Answer>;

/** What happened since the rules were last compared with the service. */
export interface Step {
  readonly moment: Moment;
  /** Whether all items became available at once. Then the rules know which consumer gets which items. */
  readonly atOnce: boolean;
}

/**
 * Checks the answers to waiting consumers, and leases them the items. Afterwards
 * no consumer waits while items do.
 */
export function serveConsumers(queue: QueueRules, answers: Answers, step: Step): void {
  const consumers = queue.consumers;
  const isExact =
    step.atOnce && queue.partitions === 1 && consumers.every(({ ending }) => ending === undefined);
  if (isExact) checkDealt(queue, answers);
  else checkOldestFirst(queue, answers);
  for (const consumer of consumers) {
    const answer = answers.get(consumer.clientId);
    if (answer?.leased !== undefined) takeLease(queue, consumer, answer.leased, step);
    else checkEnding(consumer, answer);
  }
  queue.consumers = consumers.filter(({ clientId }) => !answers.has(clientId));
  const waiting = queue.items.filter(({ state }) => state === 'waiting');
  if (queue.consumers.length > 0 && waiting.length > 0) {
    throw new RuleBroken(
      `${queue.consumers.map(({ clientId }) => clientId)} waits for items of '${queue.name}', where ${waiting.map(({ name }) => name)} wait for a consumer`,
    );
  }
}

/** One partition, all items available at once: each consumer gets one item in turn, up to its batch size. */
function checkDealt(queue: QueueRules, answers: Answers): void {
  const waiting = queue.in(0, 'waiting');
  const hands = queue.consumers.map(({ size }) => ({ size, names: [] as string[] }));
  let open = hands;
  while (waiting.length > 0 && open.length > 0) {
    for (const hand of open) {
      const next = waiting.shift();
      if (next !== undefined) hand.names.push(next.name);
    }
    open = open.filter(({ size, names }) => names.length < size);
  }
  queue.consumers.forEach(({ clientId }, index) => {
    const expected = hands[index]?.names ?? [];
    const got = answers.get(clientId)?.leased?.items.map(nameOf) ?? [];
    if (got.join() !== expected.join()) {
      throw new RuleBroken(`${clientId} must get [${expected}] of '${queue.name}', and gets [${got}]`);
    }
  });
}

/** The rules leave open who gets which items. Each consumer gets items of one partition, the oldest first. */
function checkOldestFirst(queue: QueueRules, answers: Answers): void {
  const taken = Array.from({ length: queue.partitions }, () => new Set<string>());
  for (const { clientId, size } of queue.consumers) {
    const leased = answers.get(clientId)?.leased;
    if (leased === undefined) continue;
    const names = leased.items.map(nameOf);
    if (names.length === 0 || names.length > size) {
      throw new RuleBroken(`${clientId} asked for 1 to ${size} items, and gets [${names}]`);
    }
    for (const name of names) taken[leased.partition]?.add(name);
  }
  taken.forEach((names, partition) => {
    const waiting = queue.in(partition, 'waiting').map(({ name }) => name);
    const oldest = waiting.slice(0, names.size);
    if (oldest.every((name) => names.has(name))) return;
    throw new RuleBroken(
      `of partition ${partition} of '${queue.name}' with [${waiting}] the oldest must go first, and [${[...names]}] went`,
    );
  });
}

function takeLease(
  queue: QueueRules,
  { clientId }: Consumer,
  { partition, items }: Leased,
  step: Step,
): void {
  for (const leased of items) {
    const item = queue.in(partition, 'waiting').find(({ id }) => id === leased.id) as RuleItem;
    const until = after(step.moment, queue.settings.leaseTimeout);
    queue.lease(item, learned(until, leased.leaseDeadline));
    if (
      leased.leaseDeadline < until.from ||
      leased.leaseDeadline > until.to ||
      leased.attempts !== item.attempts
    ) {
      throw new RuleBroken(
        `${clientId} gets '${item.name}' for ${(leased.leaseDeadline - step.moment.from) / 1_000n} ms, attempt ${leased.attempts}; it must be ${queue.settings.leaseTimeout} ms, attempt ${item.attempts}`,
      );
    }
  }
}

function checkEnding({ clientId, ending, deadline }: Consumer, answer: Answer | undefined): void {
  if (answer === undefined && ending === undefined) return;
  if (answer?.refused === ending) return;
  throw new RuleBroken(
    `${clientId}, whose time is up ${timeText(deadline)}, must be told '${ending ?? 'nothing yet'}', and is told '${answer?.refused ?? 'nothing'}'`,
  );
}
