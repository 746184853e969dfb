import process from 'node:process';
import { type Clock, within } from '@querator/core';
import { isMessage, type Question, send } from './messages.ts';

/** If the parent takes longer than this, a worker answers a request for itself only. */
const RESULT_TIMEOUT_MS = 5_000;

/** How a worker answers the questions of others. Rejections count as no answer. */
export type Answers = Readonly<Record<Question, () => Promise<unknown>>>;

/** All workers of the process's parent, as one of them sees them. */
export class AllWorkers {
  readonly #answers: Answers;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #next = 0;

  constructor(answers: Answers, clock: Clock) {
    this.#answers = answers;
    this.#clock = clock;
    process.on('message', (value) => {
      if (!isMessage(value)) return;
      if (value.type === 'querator:all-answered') this.#waiting.get(value.id)?.(value.result);
      if (value.type === 'querator:ask') void this.#answer(value.id, value.question);
    });
  }

  /** What all workers answer together. Undefined: the parent does not say. */
  async ask(question: Question): Promise<unknown> {
    const id = this.#next++;
    const { promise: answered, resolve } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, resolve);
    try {
      send({ type: 'querator:ask-all', id, question });
      return await within(this.#clock, RESULT_TIMEOUT_MS, answered);
    } finally {
      this.#waiting.delete(id);
    }
  }

  async #answer(id: number, question: Question): Promise<void> {
    const answer = await this.#answers[question]().catch(() => undefined);
    send({ type: 'querator:answered', id, answer });
  }
}
