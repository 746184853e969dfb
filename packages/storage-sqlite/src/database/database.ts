import { type Clock, type Random, RunningWork, RunOnce, StorageError, within } from '@querator/core';
import type { Request } from '../messages/requests.ts';
import type { Calls } from '../thread/calls.ts';
import type { FileRegistry, FileSettings, FileShare } from './file-registry.ts';
import type { Caller } from './thread-calls.ts';

/** The arguments of a call. */
export type ArgsOf<Name extends keyof Calls> = Parameters<Calls[Name]>[1];
/** The result of a call. */
export type ResultOf<Name extends keyof Calls> = ReturnType<Calls[Name]>;

/** A transaction that is open while its work runs. */
export interface OpenTransaction {
  /** Runs a call in the transaction. Once a call failed, the transaction has no effect, even if the error is caught. */
  call<Name extends keyof Calls>(name: Name, args: ArgsOf<Name>): Promise<ResultOf<Name>>;
}

/** How long a transaction may take whose callbacks run in the main thread, in ms. All other writes wait for it. */
const TRANSACTION_MS = 10_000;
/** Where and how a storage keeps its file. */
export interface DatabaseOptions extends FileSettings {
  /** The name of the storage, for errors. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly registry: FileRegistry;
}

/**
 * The file of a storage, which two threads have open: one for changes, one for reads that
 * may take long. Both start with their first call.
 */
export class Database {
  readonly #self: Caller;
  readonly #file: FileShare;
  readonly #running = new RunningWork();
  readonly #closing: RunOnce;

  constructor({ name, registry, clock, random, path, durability }: DatabaseOptions) {
    this.#self = { name, clock };
    this.#file = registry.share({ path, durability }, random);
    this.#closing = new RunOnce(async () => {
      await this.#running.idle();
      await this.#file.release();
    });
  }

  /** Whether two databases are the same file. */
  isSame(other: Database): boolean {
    return this.#file.writes === other.#file.writes;
  }

  /** Runs a call in a transaction. What it changed is durable once the promise is fulfilled. */
  call<Name extends keyof Calls>(name: Name, args: ArgsOf<Name>): Promise<ResultOf<Name>> {
    return this.#run(() => this.#file.writes.call(this.#self, { name, args }) as Promise<ResultOf<Name>>);
  }

  /** Runs a call that changes nothing. It sees what is committed. */
  read<Name extends keyof Calls>(name: Name, args: ArgsOf<Name>): Promise<ResultOf<Name>> {
    // The thread for changes makes the file, and has the lock without which nobody may read.
    const { writes, reads } = this.#file;
    const thread = writes.works ? reads : writes;
    return this.#run(() => thread.call(this.#self, { name, args }) as Promise<ResultOf<Name>>);
  }

  /**
   * Runs `work` in one transaction, which other calls wait for: in an embedded database, a
   * callback between two statements needs all of it. What is changed is durable once the
   * promise is fulfilled.
   *
   * @throws the error of `work`, or of the first call that failed; then nothing was changed.
   */
  transaction<T>(work: (transaction: OpenTransaction) => Promise<T>): Promise<T> {
    return this.#run(() => this.#file.writes.alone(this.#self, () => this.#transaction(work)));
  }

  /** Checks whether the file can serve, and creates nothing. @throws StorageError */
  async ping(): Promise<void> {
    await this.#run(() => this.#file.writes.alone(this.#self, () => this.#ask({ type: 'ping' })));
  }

  /** Waits until the disk has everything that was committed. @throws StorageError */
  async sync(): Promise<void> {
    await this.#run(() => this.#file.writes.alone(this.#self, () => this.#ask({ type: 'sync' })));
  }

  /** Waits for running calls, then closes the file. Later calls fail. */
  close(): Promise<void> {
    return this.#closing.run();
  }

  #ask(request: Request): Promise<unknown> {
    return this.#file.writes.ask(this.#self, request);
  }

  async #run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closing.hasBegun) {
      throw new StorageError(`storage '${this.#self.name}' is closed`, { outcome: 'not-applied' });
    }
    return this.#running.run(call);
  }

  async #transaction<T>(work: (transaction: OpenTransaction) => Promise<T>): Promise<T> {
    await this.#ask({ type: 'begin' });
    let failed: { readonly error: unknown } | undefined;
    let last: Promise<unknown> = Promise.resolve();
    const call: OpenTransaction['call'] = (name, args) => {
      const result = last.then(async () => {
        if (failed !== undefined) throw failed.error;
        const now = this.#self.clock.now();
        const request = { type: 'call', call: { name, args, now } } as const;
        return this.#ask(request) as Promise<ResultOf<typeof name>>;
      });
      last = result.catch((error: unknown) => {
        failed ??= { error };
      });
      return result;
    };
    try {
      const done = await this.#inTime(work({ call }));
      await last;
      if (failed !== undefined) throw failed.error;
      failed = { error: new StorageError('the transaction is over', { outcome: 'not-applied' }) };
      await this.#ask({ type: 'commit' });
      return done;
    } catch (error) {
      failed ??= { error };
      await last;
      await this.#ask({ type: 'rollback' }).catch(() => {});
      throw error;
    }
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const done = await within(
      this.#self.clock,
      TRANSACTION_MS,
      work.then((result) => ({ result })),
    );
    if (done !== undefined) return done.result;
    const text = `storage '${this.#self.name}': a transaction took longer than ${TRANSACTION_MS / 1_000} s`;
    throw new StorageError(text, { outcome: 'not-applied' });
  }
}
