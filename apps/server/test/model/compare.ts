import { type Duration, type Instant, type StoredItem, toMicroseconds } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { nameOf } from './item-content.ts';
import type { KnownIds } from './known-ids.ts';
import type { Seen } from './observe.ts';
import type { Moment } from './rules/moment.ts';
import type { QueueRules } from './rules/queue-rules.ts';
import { RuleBroken } from './rules/rule-broken.ts';
import { type RuleItem, UNSEEN_ID } from './rules/rule-item.ts';

/** The start of the clock in each sequence. Messages show times as milliseconds since then. */
const START = new ManualClock().now();
/** Each driver rounds a mean in its own way. */
const MEAN_TOLERANCE = 2n;

/** Compares everything that a queue shows with the rules. @throws RuleBroken */
export function compareQueue(queue: QueueRules, seen: Seen, known: KnownIds, now: Instant): void {
  for (let partition = 0; partition < queue.partitions; partition++) {
    const where = `partition ${partition} of queue '${queue.name}'`;
    const expected = (...states: RuleItem['state'][]) =>
      queue
        .in(partition, ...states)
        .sort(byId)
        .map((item) => expectedText(item, known));
    const shown = (items: readonly StoredItem[] = []) => items.map((item) => shownText(item, known));
    compareLists(`${where} holds`, expected('waiting', 'leased'), shown(seen.queued[partition]));
    compareLists(`${where} has scheduled`, expected('scheduled'), shown(seen.scheduled[partition]));
    compareStats(queue, partition, seen, now);
  }
  const { leaseWaiting, produceWaiting, completeWaiting, retryWaiting } = seen.stats;
  const waiting = [leaseWaiting, produceWaiting, completeWaiting, retryWaiting].join();
  if (waiting !== `${queue.consumers.length},0,0,0`) {
    throw new RuleBroken(
      `queue '${queue.name}' has ${queue.consumers.length} waiting leases, and counts ${waiting}`,
    );
  }
}

function compareLists(what: string, expected: readonly string[], shown: readonly string[]): void {
  if (expected.join() === shown.join()) return;
  const lines = (list: readonly string[]) =>
    list.length === 0 ? '    nothing' : list.map((line) => `    ${line}`).join('\n');
  throw new RuleBroken(`${what}\n${lines(shown)}\n  and by the rules\n${lines(expected)}`);
}

function expectedText(item: RuleItem, known: KnownIds): string {
  const until = item.until === undefined ? '' : ` until ${momentText(item.until)}`;
  const source =
    item.sourceId === undefined
      ? ''
      : item.sourceId === UNSEEN_ID
        ? ', from *'
        : `, from ${known.label(item.sourceId)}`;
  return `${item.name} ${known.label(item.id ?? '')} ${item.state}${until}, attempts ${item.attempts}, created ${momentText(item.createdAt)}, expires ${momentText(item.expireDeadline)}${source}`;
}

function shownText(item: StoredItem, known: KnownIds): string {
  const state = item.enqueueAt !== undefined ? 'scheduled' : item.isLeased ? 'leased' : 'waiting';
  const until = item.enqueueAt ?? item.leaseDeadline;
  const source = item.sourceId === undefined ? '' : `, from ${known.label(item.sourceId)}`;
  return `${nameOf(item)} ${known.label(item.id)} ${state}${until === undefined ? '' : ` until ${timeText(until)}`}, attempts ${item.attempts}, created ${timeText(item.createdAt)}, expires ${timeText(item.expireDeadline)}${source}`;
}

function momentText({ from, to }: Moment): string {
  return from === to ? timeText(from) : `${timeText(from)}..${timeText(to)}`;
}

/** Milliseconds since the start. */
export function timeText(at: Instant): string {
  return `@${Number(at - START) / 1_000}`;
}

function compareStats(queue: QueueRules, partition: number, seen: Seen, now: Instant): void {
  const stats = seen.stats.partitions[partition];
  const [waiting, leased] = [queue.in(partition, 'waiting'), queue.in(partition, 'leased')];
  const expected = [
    partition,
    waiting.length,
    leased.length,
    queue.in(partition, 'scheduled').length,
    0,
  ].join();
  const shown = [stats?.partition, stats?.waiting, stats?.leased, stats?.scheduled, stats?.failures].join();
  if (shown !== expected) {
    throw new RuleBroken(
      `stats of '${queue.name}' (partition, waiting, leased, scheduled, failures) are ${shown}, by the rules ${expected}`,
    );
  }
  const ages = [...waiting, ...leased].map(({ createdAt }) => now - createdAt.from);
  compareMean('averageAge', ages, stats?.averageAge);
  const left = leased.map(({ until }) => (until as Moment).from - now);
  compareMean('averageLeaseLeft', left, stats?.averageLeaseLeft);
}

function compareMean(what: string, values: readonly bigint[], shown: Duration | undefined): void {
  const mean =
    values.length === 0 ? 0n : values.reduce((sum, value) => sum + value, 0n) / BigInt(values.length);
  const difference = toMicroseconds(shown ?? (0n as Duration)) - mean;
  if (difference <= MEAN_TOLERANCE && difference >= -MEAN_TOLERANCE) return;
  throw new RuleBroken(`${what} is ${shown} ns, by the rules ${mean} us`);
}

function byId(a: RuleItem, b: RuleItem): number {
  return (a.id ?? '') < (b.id ?? '') ? -1 : 1;
}
