import { type Clock, StorageError } from '@querator/core';
import { errorOf } from '../messages/failed-call.ts';
import type { NamedCall, Reply, Request } from '../messages/requests.ts';
import type { StorageThread } from './storage-thread.ts';

/** Calls of one transaction. More would delay the first one's answer for long. */
const GROUP_CALLS = 500;
/** Calls that may wait for the thread. The engine sends one of each kind for a partition at a time. */
const WAITING_CALLS = 10_000;

/** The storage that makes a call. */
export interface Caller {
  /** Its name, for errors. */
  readonly name: string;
  /** Tells the time of the call when that goes to the thread. */
  readonly clock: Clock;
}

/** A call that waits for the thread. */
interface WaitingCall extends Omit<NamedCall, 'now'> {
  readonly type: 'call';
  readonly by: Caller;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Work that needs the thread for itself. */
interface WaitingWork {
  readonly type: 'work';
  readonly by: Caller;
  /** Never rejects. */
  run(): Promise<void>;
  reject(error: Error): void;
}

/** What the calls need of a thread. */
export type CalledThread = Pick<StorageThread, 'ask' | 'end' | 'hasEnded'>;

/**
 * The calls that wait for one thread. While the thread is at work, calls collect; then they
 * go to it together, as one transaction with one commit.
 */
export class ThreadCalls {
  readonly #start: () => CalledThread;
  #thread: CalledThread | undefined;
  #waiting: (WaitingCall | WaitingWork)[] = [];
  #running: Promise<void> | undefined;
  #works = false;

  /** @param start starts a thread: for the first call, and after one has ended. */
  constructor(start: () => CalledThread) {
    this.#start = start;
  }

  /** Whether the file was open after the last request. */
  get works(): boolean {
    return this.#works;
  }

  /** Runs a call. */
  call(by: Caller, { name, args }: Omit<NamedCall, 'now'>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#add({ type: 'call', by, name, args, resolve, reject });
    });
  }

  /** Runs `work` while no other call uses the thread. */
  alone<T>(by: Caller, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = () => work().then(resolve, reject);
      this.#add({ type: 'work', by, run, reject });
    });
  }

  /** Only for work that has the thread for itself. @throws StorageError, or a `QueueError` of a call. */
  async ask(by: Caller, request: Request): Promise<unknown> {
    const reply = await this.#ask(by.name, request);
    // A ping succeeds without a file, if one could be made.
    if (!reply.ok || request.type !== 'ping') this.#works = reply.ok;
    if (!reply.ok) throw errorOf(reply.failure, by.name);
    const [result] = reply.results;
    if (result === undefined) return undefined;
    if (!result.ok) throw errorOf(result.failure, by.name);
    return result.value;
  }

  /** Waits for all calls, and ends the thread. */
  async close(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    const thread = this.#thread;
    if (thread === undefined || thread.hasEnded) return;
    await thread.ask({ type: 'close' }).catch(() => {});
    await thread.end();
  }

  #add(entry: WaitingCall | WaitingWork): void {
    if (this.#waiting.length >= WAITING_CALLS) {
      const text = `storage '${entry.by.name}': ${WAITING_CALLS} calls wait for it already`;
      entry.reject(new StorageError(text, { outcome: 'not-applied' }));
      return;
    }
    this.#waiting.push(entry);
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // Calls of the same turn of the event loop share the first transaction.
    await undefined;
    while (this.#waiting.length > 0) {
      const [first] = this.#waiting;
      if (first?.type === 'work') {
        this.#waiting.shift();
        await first.run();
      } else {
        await this.#runGroup(this.#takeGroup());
      }
    }
    this.#running = undefined;
  }

  #takeGroup(): readonly WaitingCall[] {
    const work = this.#waiting.findIndex(({ type }) => type === 'work');
    const end = Math.min(work === -1 ? this.#waiting.length : work, GROUP_CALLS);
    return this.#waiting.splice(0, end) as WaitingCall[];
  }

  async #runGroup(group: readonly WaitingCall[]): Promise<void> {
    const calls = group.map(({ by, name, args }) => ({ name, args, now: by.clock.now() }));
    const request = { type: 'group', calls } as const;
    let reply: Reply | Error;
    try {
      reply = await this.#send(request);
    } catch (error) {
      reply = error as Error;
    }
    this.#works = !(reply instanceof Error) && reply.ok;
    group.forEach((call, index) => {
      settle(call, reply, index);
    });
  }

  async #ask(storage: string, request: Request): Promise<Reply> {
    try {
      return await this.#send(request);
    } catch (error) {
      throw endedError(storage, error, request.type === 'commit');
    }
  }

  /** A thread that has ended is replaced at the next request. @throws if the thread ends. */
  #send(request: Request): Promise<Reply> {
    if (this.#thread === undefined || this.#thread.hasEnded) this.#thread = this.#start();
    return this.#thread.ask(request);
  }
}

/** Answers a call of a group. @param index its place in the group. */
function settle(
  { by: { name: storage }, resolve, reject }: WaitingCall,
  reply: Reply | Error,
  index: number,
): void {
  if (reply instanceof Error) {
    reject(endedError(storage, reply, true));
  } else if (!reply.ok) {
    reject(errorOf(reply.failure, storage));
  } else {
    const result = reply.results[index] ?? MISSING;
    if (result.ok) resolve(result.value);
    else reject(errorOf(result.failure, storage));
  }
}

const MISSING = {
  ok: false,
  failure: { kind: 'storage', message: 'the call has no answer', outcome: 'unknown' },
} as const;

/** @param mayHaveCommitted whether the thread may have committed what it was asked for. */
function endedError(storage: string, cause: unknown, mayHaveCommitted: boolean): StorageError {
  const text = `storage '${storage}': ${cause instanceof Error ? cause.message : 'its thread ended'}`;
  return new StorageError(text, { outcome: mayHaveCommitted ? 'unknown' : 'not-applied', cause });
}
