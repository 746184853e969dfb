import { FollowedTask, type HowToFollow } from './followed-task.ts';
import type { Letter, LetterTask, LetterTaskKind, List, TaskEnd } from './history.ts';
import type { LetterCalls } from './letter-calls.ts';
import type { Recorder } from './recorder.ts';

/** A task, and how to follow it. */
export interface LetterTaskHow extends HowToFollow {
  readonly kind: LetterTaskKind;
  /** Items a second. 0: no limit. */
  readonly rate: number;
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
  async run({ kind, rate, ...how }: LetterTaskHow): Promise<void> {
    const [instance, server] = this.#server();
    const task = new FollowedTask(
      () => this.#recorder.now(),
      () => this.#server()[1],
    );
    await this.#recorder.record<LetterTask, TaskEnd>(
      { client: this.#client, instance },
      () => task.run(() => server.create(kind, rate), how),
      (end) => ({ ...{ call: 'task', kind }, ...task.times, ...(end === undefined ? {} : { end }) }),
    );
  }

  #server(): readonly [number, LetterCalls] {
    const instance = this.#next++ % this.#servers.length;
    return [instance, this.#servers[instance] as LetterCalls];
  }
}
