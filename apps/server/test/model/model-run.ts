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

/** The service acts on a deadline within this many milliseconds. */
const PROMPT_MS = 5;

/**
 * One sequence: runs each command on the service and on the rules, and compares
 * everything that the service shows after it. Keeps a transcript in words.
 */
export class ModelRun {
  readonly sut: ServiceUnderTest;
  readonly rules: ServiceRules;
  readonly known = new KnownIds();
  /** The replies to consumers since the last comparison. */
  readonly answers = new Map<string, Answer>();
  readonly transcript: string[] = [];
  /** Queues that were empty at the last comparison. */
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

  /** An unused number, for a client or an item. */
  nextClient(): number {
    return ++this.#clients;
  }

  nextName(): number {
    return this.#names++;
  }

  /** @throws RuleBroken if the outcome of a call differs from the rules. */
  expectRefusal(expected: string | undefined, refusal: string | undefined): void {
    // The rules give the beginning of the text. The rest repeats figures of the request.
    const isExpected = expected === undefined ? refusal === undefined : refusal?.startsWith(expected);
    if (isExpected) return;
    throw new RuleBroken(`it must be ${expected ?? 'accepted'}, and is ${refusal ?? 'accepted'}`);
  }

  /** The text for an id. */
  label(id: ItemId): string {
    return this.known.label(id);
  }

  /**
   * Waits until the service is idle, and compares. Skips a queue that was empty
   * and is still empty by the rules, until the end: reading it takes most of the
   * time.
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
   * Moves time from one deadline to the next, and compares after each. Waits for
   * a deadline close to the end too: no command runs while the service is about
   * to act.
   */
  async advance(by: number): Promise<void> {
    let target = plus(this.now, by);
    for (let due = this.rules.nextDue(target); due !== undefined; due = this.rules.nextDue(target)) {
      // Handle what is overdue because a lease kept it.
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

/** The error of a consumer that got no items in time. */
const LEASE_TIMED_OUT = 'request timeout; no items are in the queue, try again';

/** The command of a sequence that runs now. */
export type CommandOf<Name extends Command['do']> = Extract<Command, { do: Name }>;
