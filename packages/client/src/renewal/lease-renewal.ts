import type { RenewalThread } from '../thread/thread-host.ts';
import { fitsTable } from './lease-table.ts';
import { LoopRenewal, type LoopRenewalDeps } from './loop-renewal.ts';
import type { Renewal, RenewedItem } from './renewal.ts';
import { ThreadRenewal } from './thread-renewal.ts';

/** Dependencies of {@link LeaseRenewal}. */
export interface LeaseRenewalDeps<Item extends RenewedItem> extends LoopRenewalDeps<Item> {
  /** Undefined: there is none to renew from. */
  readonly thread: RenewalThread | undefined;
}

/**
 * The renewal of a worker: by a thread where there is one, once it is known that
 * the server can; otherwise, and after a failure of the thread, by the event loop.
 */
export class LeaseRenewal<Item extends RenewedItem> implements Renewal<Item> {
  readonly #deps: LeaseRenewalDeps<Item>;
  readonly #loop: LoopRenewal<Item>;
  #thread: ThreadRenewal<Item> | undefined;
  #hasFailed = false;

  constructor(deps: LeaseRenewalDeps<Item>) {
    this.#deps = deps;
    this.#loop = new LoopRenewal(deps);
  }

  prepare(): void {
    this.#startedThread();
  }

  async start(): Promise<void> {
    await this.#startedThread()?.start();
  }

  add(items: readonly Item[]): void {
    const thread = this.#startedThread();
    if (thread === undefined) {
      this.#loop.add(items);
      return;
    }
    const fitting = items.filter(fitsTable);
    thread.add(fitting);
    if (fitting.length < items.length) this.#loop.add(items.filter((item) => !fitsTable(item)));
  }

  remove(item: Item): void {
    this.#thread?.remove(item);
    this.#loop.remove(item);
  }

  sync(): void {
    this.#thread?.sync();
  }

  stop(): void {
    this.#thread?.stop();
    this.#loop.stop();
  }

  #startedThread(): ThreadRenewal<Item> | undefined {
    const { thread, port } = this.#deps;
    if (thread === undefined || port.extend === undefined || this.#hasFailed) return this.#thread;
    try {
      this.#thread ??= new ThreadRenewal({
        ...this.#deps,
        thread,
        onFailed: (error, items) => this.#failed(error, items),
      });
    } catch (error) {
      this.#failed(error, []);
    }
    return this.#thread;
  }

  #failed(error: unknown, items: readonly Item[]): void {
    this.#hasFailed = true;
    this.#thread = undefined;
    this.#deps.onError(error);
    this.#loop.add(items);
  }
}
