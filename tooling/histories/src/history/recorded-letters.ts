import { setTimeout as delay } from 'node:timers/promises';
import type { Letter, LetterTask, LetterTaskKind, List, TaskEnd } from './history.ts';
import type { LetterCalls } from './letter-calls.ts';
import { CallFailed, orUnknown } from './queue-calls.ts';
import type { Recorder } from './recorder.ts';

/** A task, and how to follow it. */
export interface LetterTaskHow {
  readonly kind: LetterTaskKind;
  /** Items a second. 0: no limit. */
  readonly rate: number;
  /** When to cancel it, in milliseconds from its creation. Undefined: never. */
  readonly cancelAfterMs: number | undefined;
  /** The pause between two looks, in milliseconds. */
  readonly lookMs: number;
  /** How long to wait for its end, in milliseconds. */
  readonly patienceMs: number;
}

/** One operator's calls on the dead-letter queue, recorded. Any server answers. */
export class RecordedLetters {
  readonly #recorder: Recorder;
  readonly #client: string;
  readonly #servers: readonly LetterCalls[];
  /** The server of the next call: a server may be down. */
  #next = 0;

  constructor(recorder: Recorder, client: string, servers: readonly LetterCalls[]) {
    this.#recorder = recorder;
    this.#client = client;
    this.#servers = servers;
  }

  async list(): Promise<readonly Letter[]> {
    let found: readonly Letter[] = [];
    const [instance, server] = this.#server();
    await this.#recorder.record<List, readonly Letter[]>(
      { client: this.#client, instance },
      () => server.list(),
      (letters = []) => {
        found = letters;
        return { call: 'list', letters };
      },
    );
    return found;
  }

  /** Creates a task, and waits until it has ended. */
  async run({ kind, rate, cancelAfterMs, lookMs, patienceMs }: LetterTaskHow): Promise<void> {
    const [instance, server] = this.#server();
    let created: number | undefined;
    let cancelled: number | undefined;
    await this.#recorder.record<LetterTask, TaskEnd>(
      { client: this.#client, instance },
      async () => {
        const id = await server.create(kind, rate);
        created = this.#recorder.now();
        while (this.#recorder.now() - created < patienceMs) {
          if (cancelAfterMs !== undefined && this.#recorder.now() - created >= cancelAfterMs) {
            cancelled ??= this.#recorder.now();
            await orUnknown(this.#server()[1].cancel(id));
          }
          await delay(lookMs);
          // The next look is at another server.
          const end = await orUnknown(this.#server()[1].endOf(id));
          if (end !== undefined) return end;
        }
        throw new CallFailed('unknown', 'the task did not end in time');
      },
      (end) => ({
        ...{ call: 'task', kind },
        ...(created === undefined ? {} : { created }),
        ...(cancelled === undefined ? {} : { cancelled }),
        ...(end === undefined ? {} : { end }),
      }),
    );
  }

  #server(): readonly [number, LetterCalls] {
    const instance = this.#next++ % this.#servers.length;
    return [instance, this.#servers[instance] as LetterCalls];
  }
}
