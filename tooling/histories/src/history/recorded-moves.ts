import { FollowedTask, type HowToFollow } from './followed-task.ts';
import type { PartitionMove, TaskEnd } from './history.ts';
import type { MoveCalls, MovingPlace } from './move-calls.ts';
import { orUnknown } from './queue-calls.ts';
import type { Recorder } from './recorder.ts';

/** One operator's moves of partitions, recorded. Any server answers. */
export class RecordedMoves {
  readonly #recorder: Recorder;
  readonly #client: string;
  readonly #servers: readonly MoveCalls[];
  /** The server of the next call: a server may be down. */
  #next = 0;

  constructor(recorder: Recorder, client: string, servers: readonly MoveCalls[]) {
    this.#recorder = recorder;
    this.#client = client;
    this.#servers = servers;
  }

  /** The storage that has the partition. Undefined: the server did not tell. */
  storageOf(place: MovingPlace): Promise<string | undefined> {
    return orUnknown(this.#server()[1].storageOf(place));
  }

  /** Creates a task that moves the partition, and waits until it has ended. @returns undefined if it did not tell its end. */
  async run(place: MovingPlace, to: string, how: HowToFollow): Promise<TaskEnd | undefined> {
    const [instance, server] = this.#server();
    const task = new FollowedTask(
      () => this.#recorder.now(),
      () => this.#server()[1],
    );
    const asked = { call: 'move' as const, of: place.queueName, partition: place.partition, to };
    let ended: TaskEnd | undefined;
    await this.#recorder.record<PartitionMove, TaskEnd>(
      { client: this.#client, instance },
      () => task.run(() => server.create(place, to), how),
      (end) => {
        ended = end;
        return { ...asked, ...task.times, ...(end === undefined ? {} : { end }) };
      },
    );
    return ended;
  }

  #server(): readonly [number, MoveCalls] {
    const instance = this.#next++ % this.#servers.length;
    return [instance, this.#servers[instance] as MoveCalls];
  }
}
