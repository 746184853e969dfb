import type { Instant, ItemId } from '@querator/core';
import type { Command } from './command.ts';
import { compareQueue, timeText } from './compare.ts';
import { type Answer, type Step, serveConsumers } from './consumers.ts';
import { KnownIds } from './known-ids.ts';
import { learnIds, learnTimes } from './learn.ts';
import { observe } from './observe.ts';
import { exactly, plus } from './rules/moment.ts';
import type { QueueName, QueueRules } from './rules/queue-rules.ts';
import { RuleBroken } from './rules/rule-broken.ts';
import { ServiceRules } from './rules/service-rules.ts';
import type { ServiceUnderTest } from './service-under-test.ts';

/** Within so many milliseconds the service has done what time demands. */
const PROMPT_MS = 5;

/**
 * One sequence: gives each command to the service and to the rules, and
 * compares all that can be seen after each. Keeps a transcript in words.
 */
export class ModelRun {
  readonly sut: ServiceUnderTest;
  readonly rules: ServiceRules;
  readonly known = new KnownIds();
  /** What consumers were told since the last comparison. */
  readonly answers = new Map<string, Answer>();
  readonly transcript: string[] = [];
  /** Queues that were empty when they were last looked at. */
  readonly #empty = new Set<QueueRules>();
  #clients = 0;
  #names = 0;

  constructor(sut: ServiceUnderTest, partitions: number) {
    this.sut = sut;
    this.rules = new ServiceRules(partitions);
  }

  get now(): Instant {
    return this.sut.clock.now();
  }

  queue(name: QueueName): QueueRules {
    return this.rules.queues[name];
  }

  say(line: string): void {
    this.transcript.push(`${timeText(this.now).padEnd(8)} ${line}`);
  }

  /** A number nobody had before, for a client or an item. */
  nextClient(): number {
    return ++this.#clients;
  }

  nextName(): number {
    return this.#names++;
  }

  /** @throws RuleBroken when a call was refused in another way than the rules say, or not at all. */
  expectRefusal(expected: string | undefined, refusal: string | undefined): void {
    // The rules name the beginning; what follows only repeats the caller's own figures.
    const isExpected = expected === undefined ? refusal === undefined : refusal?.startsWith(expected);
    if (isExpected) return;
    throw new RuleBroken(`it must be ${expected ?? 'accepted'}, and is ${refusal ?? 'accepted'}`);
  }

  /** An id in words. */
  label(id: ItemId): string {
    return this.known.label(id);
  }

  /**
   * Waits until the service has done all there is to do now, and compares. A
   * queue that was empty and by the rules still is, is passed over until the
   * end: looking is what takes the time.
   */
  async compare(
    step: Step = { moment: exactly(this.now), atOnce: true },
    { isEnd = false } = {},
  ): Promise<void> {
    await this.sut.settled();
    for (const queue of this.rules.all) {
      const isEmpty = queue.items.length === 0 && queue.consumers.length === 0;
      if (isEmpty && this.#empty.has(queue) && !isEnd) continue;
      if (isEmpty) this.#empty.add(queue);
      else this.#empty.delete(queue);
      const seen = await observe(this.sut.service, queue);
      learnIds(queue, seen, this.answers, this.known);
      serveConsumers(queue, this.answers, step);
      learnTimes(queue, seen, this.known);
      compareQueue(queue, seen, this.known, this.now);
    }
    this.answers.clear();
  }

  /**
   * Lets time pass, from one thing that comes due to the next, and compares
   * after each. What is due close to the end is waited for: a command never
   * meets a service that is about to act.
   */
  async advance(by: number): Promise<void> {
    let target = plus(this.now, by);
    for (let due = this.rules.nextDue(target); due !== undefined; due = this.rules.nextDue(target)) {
      // What is overdue, since a lease has kept it alive, is done now.
      const isOverdue = due < this.now;
      const from = isOverdue ? this.now : due;
      let end = plus(from, 2 * PROMPT_MS);
      while (this.#isDueBetween(plus(end, -PROMPT_MS), end)) end = plus(end, PROMPT_MS);
      if (end > target) target = end;
      await this.sut.advanceTo(end);
      this.rules.pass({ from, to: end });
      for (const consumer of this.rules.all.flatMap(({ consumers }) => consumers)) {
        if (consumer.deadline <= end) consumer.ending = LEASE_TIMED_OUT;
      }
      await this.compare({ moment: { from, to: end }, atOnce: false });
    }
    await this.sut.advanceTo(target);
    await this.compare();
  }

  #isDueBetween(from: Instant, to: Instant): boolean {
    return this.rules.all.some(
      ({ items, consumers }) =>
        items.some((item) => {
          const at = (item.until ?? item.expireDeadline).from;
          return from <= at && at < to;
        }) || consumers.some(({ deadline }) => from <= deadline && deadline <= to),
    );
  }
}

/** What a consumer is told when no items came in time. */
const LEASE_TIMED_OUT = 'request timeout; no items are in the queue, try again';

/** A command in the middle of a sequence, for those who carry it out. */
export type CommandOf<Name extends Command['do']> = Extract<Command, { do: Name }>;
