import { type CancelTimer, RunningWork } from '@querator/core';
import type { EngineDeps } from '../engine-deps.ts';
import { backOffMs } from './back-off.ts';
import type { PartitionState } from './partition-state.ts';

/**
 * The health of one partition. A failed storage call takes it out of service.
 * Probes with back-off follow, and the first one that succeeds puts it back.
 */
export class Recovery {
  readonly #deps: EngineDeps;
  readonly #partition: PartitionState;
  readonly #queueName: () => string;
  readonly #sample: () => void;
  readonly #onChange: () => void;
  readonly #probes = new RunningWork();
  #cancelProbe: CancelTimer | undefined;
  #stopped = false;
  /** The cause of the last failure, without the numbers in its text. */
  #cause: string | undefined;

  constructor(
    deps: EngineDeps,
    partition: PartitionState,
    {
      queueName,
      sample,
      onChange,
    }: {
      readonly queueName: () => string;
      /** Counts the partition in the background. */
      readonly sample: () => void;
      /** Called when the partition went out of service or came back. */
      readonly onChange: () => void;
    },
  ) {
    this.#deps = deps;
    this.#partition = partition;
    this.#queueName = queueName;
    this.#sample = sample;
    this.#onChange = onChange;
  }

  /** A storage call failed. */
  failed(error: unknown): void {
    const partition = this.#partition;
    partition.failures++;
    partition.probed = undefined;
    const cause = causeOf(error);
    const isNew = cause !== this.#cause;
    this.#cause = cause;
    // Log each new cause, and each doubling of the failures. An outage of hours must not fill the log.
    if (isNew || Number.isInteger(Math.log2(partition.failures))) {
      const fields = { ...this.#where(), failures: partition.failures, err: error };
      this.#deps.logger.warn('partition is failing', fields);
    }
    this.#onChange();
    if (this.#cancelProbe === undefined && !this.#stopped) this.#armProbe();
  }

  /**
   * Probes the partition now; success puts it into service. Also starts a count,
   * without waiting for it: the order of the partitions depends on their load.
   * Never throws.
   */
  async probe(): Promise<void> {
    if (this.#stopped) return;
    const partition = this.#partition;
    this.#sample();
    try {
      const probed = await this.#probes.run(() => partition.limited.probe(() => partition.store.probe()));
      partition.probed = probed;
      const recovered = partition.failures > 0;
      partition.failures = 0;
      this.#disarmProbe();
      if (recovered) this.#deps.logger.info('partition is back in service', this.#where());
      this.#onChange();
    } catch (error) {
      if (!this.#stopped) this.failed(error);
    }
  }

  /** Ends the probes, and waits for a running one. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#disarmProbe();
    await this.#probes.idle();
  }

  #where() {
    const { number, storageName } = this.#partition;
    return { queue: this.#queueName(), partition: number, storage: storageName };
  }

  #armProbe(): void {
    this.#cancelProbe = this.#deps.clock.startTimer(backOffMs(this.#partition.failures), () => {
      this.#cancelProbe = undefined;
      void this.probe();
    });
  }

  #disarmProbe(): void {
    this.#cancelProbe?.();
    this.#cancelProbe = undefined;
  }
}

/** Replaces numbers in an error's text, which differ each time. */
function causeOf(error: unknown): string {
  return String(error).replace(/\d+/g, '#');
}
