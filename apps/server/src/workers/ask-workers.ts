import type { Worker } from 'node:cluster';
import { type Clock, within } from '@querator/core';
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from 'prom-client';
import { isMessage, type Message, type Question } from './messages.ts';

/** A worker that takes longer than this counts as one that does not answer. */
const ANSWER_TIMEOUT_MS = 3_000;

type Values = readonly MetricObjectWithValues<MetricValue<string>>[];

/** One result from the answers of all workers. Undefined: a worker did not answer. */
const COMBINED: Readonly<Record<Question, (answers: readonly unknown[]) => unknown>> = {
  metrics: (answers) => {
    const all = (answers as readonly (Values | undefined)[]).filter((values) => (values?.length ?? 0) > 0);
    return AggregatorRegistry.aggregate(all as object[]).metrics();
  },
  // The kernel may give the next connection to any of them.
  readiness: (answers) => answers.length > 0 && answers.every((isReady) => isReady === true),
};

/** Asks all workers for the worker that has got a request. */
export class WorkerQuestions {
  readonly #workers: () => readonly Worker[];
  readonly #clock: Clock;
  readonly #asked = new Map<number, (answer: unknown) => void>();
  #next = 0;

  /** @param workers the workers that listen now. */
  constructor(workers: () => readonly Worker[], clock: Clock) {
    this.#workers = workers;
    this.#clock = clock;
  }

  /** Serves the questions of a worker, and takes its answers. */
  add(worker: Worker): void {
    worker.on('message', (value: unknown) => {
      if (!isMessage(value)) return;
      if (value.type === 'querator:ask-all') void this.#answer(worker, value.id, value.question);
      if (value.type === 'querator:answered') this.#asked.get(value.id)?.(value.answer);
    });
  }

  async #answer(worker: Worker, id: number, question: Question): Promise<void> {
    const answers = await Promise.all(this.#workers().map((each) => this.#ask(each, question)));
    const result = await COMBINED[question](answers);
    if (worker.isConnected()) {
      worker.send({ type: 'querator:all-answered', id, result } satisfies Message);
    }
  }

  async #ask(worker: Worker, question: Question): Promise<unknown> {
    if (!worker.isConnected()) return undefined;
    const id = this.#next++;
    const { promise: answered, resolve } = Promise.withResolvers<unknown>();
    this.#asked.set(id, resolve);
    try {
      worker.send({ type: 'querator:ask', id, question } satisfies Message);
      return await within(this.#clock, ANSWER_TIMEOUT_MS, answered);
    } finally {
      this.#asked.delete(id);
    }
  }
}
