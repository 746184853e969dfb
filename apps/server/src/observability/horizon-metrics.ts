import {
  type Clock,
  type HeldHorizonNotice,
  HORIZON_HOLDERS,
  type StorageBackend,
  type StorageNotice,
} from '@querator/core';
import { Gauge, type Registry } from 'prom-client';
import { BackgroundSampler } from './background-sampler.ts';

/**
 * Gauges of what prevents the removal of dead rows, by storage and kind of
 * holder. Each kind has a series, which is 0 if there is no holder. `/health`
 * gives the name of a holder; as a label it would make series without limit.
 */
export class HorizonMetrics {
  readonly #storages: readonly StorageBackend[];
  readonly #seconds: Gauge<'storage' | 'holder'>;
  readonly #transactions: Gauge<'storage' | 'holder'>;
  readonly #sampler: BackgroundSampler;

  constructor(
    registry: Registry,
    { clock, storages }: { readonly clock: Clock; readonly storages: readonly StorageBackend[] },
  ) {
    const rest = { labelNames: ['storage', 'holder'] as const, registers: [registry] };
    this.#storages = storages;
    this.#seconds = new Gauge({
      name: 'querator_storage_held_horizon_seconds',
      help: 'For how long something has kept dead rows from being removed; 0: nothing does, or it is not known since when',
      ...rest,
    });
    this.#transactions = new Gauge({
      name: 'querator_storage_held_horizon_transactions',
      help: 'How many transactions ago it began that something keeps dead rows from being removed; 0: nothing does',
      ...rest,
    });
    this.#sampler = new BackgroundSampler({
      clock,
      sample: async () => {
        await Promise.all(this.#storages.map((storage) => this.#sample(storage)));
      },
    });
  }

  /** Notes a scrape, and checks the storages again once the pause is over. */
  scraped(): void {
    this.#sampler.scraped();
  }

  /** Stops checking. */
  stop(): void {
    this.#sampler.stop();
  }

  async #sample(storage: StorageBackend): Promise<void> {
    const notices = await storage.ping().catch(() => undefined);
    for (const holder of HORIZON_HOLDERS) this.#publish({ storage: storage.name, holder }, notices);
  }

  /** A storage that does not answer has no series. */
  #publish(
    labels: { readonly storage: string; readonly holder: HeldHorizonNotice['holder'] },
    notices: readonly StorageNotice[] | undefined,
  ): void {
    if (notices === undefined) {
      this.#seconds.remove(labels);
      this.#transactions.remove(labels);
      return;
    }
    // With two holders of a kind, the start of one may be unknown.
    const holders = notices.filter((notice) => isHeldBy(notice, labels.holder));
    this.#seconds.set(labels, Math.max(0, ...holders.map(({ seconds }) => seconds)));
    this.#transactions.set(labels, Math.max(0, ...holders.map(({ transactions }) => transactions)));
  }
}

function isHeldBy(notice: StorageNotice, holder: HeldHorizonNotice['holder']): notice is HeldHorizonNotice {
  return notice.kind === 'held-horizon' && notice.holder === holder;
}
