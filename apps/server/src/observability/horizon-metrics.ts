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
 * Gauges of what keeps dead rows from being removed, by storage and kind of
 * holder: each has a series, 0 while there is none. Its name is in `/health`,
 * not in a label: there is no end of names.
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
        await Promise.all(this.#storages.map((storage) => this.#look(storage)));
      },
    });
  }

  /** Somebody scrapes: looks again, when it is time. */
  scraped(): void {
    this.#sampler.scraped();
  }

  /** Looks no more. */
  stop(): void {
    this.#sampler.stop();
  }

  async #look(storage: StorageBackend): Promise<void> {
    const notices = await storage.ping().catch(() => undefined);
    for (const holder of HORIZON_HOLDERS) this.#publish({ storage: storage.name, holder }, notices);
  }

  /** Of a storage that does not answer nothing is known, so nothing is said. */
  #publish(
    labels: { readonly storage: string; readonly holder: HeldHorizonNotice['holder'] },
    notices: readonly StorageNotice[] | undefined,
  ): void {
    if (notices === undefined) {
      this.#seconds.remove(labels);
      this.#transactions.remove(labels);
      return;
    }
    // Of two of a kind one may not say since when.
    const holders = notices.filter((notice) => isHeldBy(notice, labels.holder));
    this.#seconds.set(labels, Math.max(0, ...holders.map(({ seconds }) => seconds)));
    this.#transactions.set(labels, Math.max(0, ...holders.map(({ transactions }) => transactions)));
  }
}

function isHeldBy(notice: StorageNotice, holder: HeldHorizonNotice['holder']): notice is HeldHorizonNotice {
  return notice.kind === 'held-horizon' && notice.holder === holder;
}
