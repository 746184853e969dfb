import type { CancelTimer, Clock, Duration, Instant, Random } from '@querator/core';
import { millisecondsBetween } from '@querator/core';
import type { QueuePort } from '../port/queue-port.ts';
import type { LeaseTable } from './lease-table.ts';
import { LoopRenewal } from './loop-renewal.ts';
import type { RenewalReports, RenewedItem } from './renewal.ts';

/** A lease of the table, as it is renewed. */
interface TableItem extends RenewedItem {
  readonly slot: number;
  readonly version: number;
}

/** Dependencies of {@link ThreadLoop}. */
export interface ThreadLoopDeps extends RenewalReports<RenewedItem> {
  readonly port: Pick<QueuePort, 'extend'>;
  readonly queueName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly leaseTimeout: Duration | undefined;
  readonly table: LeaseTable;
  /** Receives the items of a call whose leases have new deadlines. */
  readonly onRenewed: (items: readonly RenewedItem[]) => void;
}

/** Renews the leases of a table that another thread writes. Looks at it when the first of them has to be renewed. */
export class ThreadLoop {
  readonly #clock: Clock;
  readonly #renewal: LoopRenewal<TableItem>;
  /** By slot. */
  readonly #items = new Map<number, TableItem>();
  #table: LeaseTable;
  #renewalAt: Instant | undefined;
  #lookAt: Instant | undefined;
  #cancelLook: CancelTimer | undefined;

  constructor({ table, ...deps }: ThreadLoopDeps) {
    this.#clock = deps.clock;
    this.#table = table;
    this.#renewal = new LoopRenewal<TableItem>({
      ...deps,
      beforeRenewal: () => this.#take(),
      onTimer: (at) => {
        this.#renewalAt = at;
        this.#promise();
      },
    });
  }

  /**
   * Looks at the table now, and again at the latest at `by`, by the local clock.
   *
   * @param table replaces the present one, and has the same leases.
   */
  look(by: Instant, table = this.#table): void {
    this.#table = table;
    this.#take();
    if (this.#lookAt === undefined || by < this.#lookAt) {
      this.#cancelLook?.();
      this.#lookAt = by;
      const delayMs = Math.max(millisecondsBetween(this.#clock.now(), by), 0);
      this.#cancelLook = this.#clock.startTimer(delayMs, () => {
        this.#lookAt = undefined;
        this.#take();
      });
    }
    this.#promise();
  }

  /** Renews nothing any more. */
  stop(): void {
    this.#cancelLook?.();
    this.#renewal.stop();
  }

  /** Tells the writer of the table when it is looked at next: when a timer fires. */
  #promise(): void {
    const [one, other] = [this.#renewalAt, this.#lookAt];
    this.#table.nextLook = one === undefined || (other !== undefined && other < one) ? other : one;
  }

  /** Takes the leases that have come, and forgets those that have gone. */
  #take(): void {
    // What is written while it reads may be missed, so its writer must tell.
    this.#table.nextLook = undefined;
    const found = new Map(this.#table.found().map((lease) => [lease.slot, lease]));
    for (const item of this.#items.values()) {
      if (found.get(item.slot)?.version === item.version) found.delete(item.slot);
      else this.#forget(item);
    }
    const added = [...found.values()].map((lease): TableItem => ({ ...lease, leaseDeadline: undefined }));
    for (const item of added) this.#items.set(item.slot, item);
    this.#renewal.add(added);
    this.#promise();
  }

  #forget(item: TableItem): void {
    this.#items.delete(item.slot);
    this.#renewal.remove(item);
  }
}
