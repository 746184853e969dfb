import type { CancelTimer } from '@querator/core';
import type { EngineDeps } from '../engine-options.ts';
import { InFlight } from '../waiting/in-flight.ts';
import { probeDelayMs } from './back-off.ts';
import type { Lane } from './partition-state.ts';

/**
 * The health of one partition. A failed storage call takes it out of service;
 * it is probed with growing pauses, and back in service with the first probe
 * that succeeds.
 */
export class Recovery {
  readonly #deps: EngineDeps;
  readonly #lane: Lane;
  readonly #queueName: () => string;
  readonly #sample: () => void;
  readonly #onChange: (lane: Lane) => void;
  readonly #probes = new InFlight();
  #cancelProbe: CancelTimer | undefined;
  #stopped = false;
  /** Of the last failure, as far as it tells one cause from another. */
  #cause: string | undefined;

  constructor(
    deps: EngineDeps,
    lane: Lane,
    {
      queueName,
      sample,
      onChange,
    }: {
      readonly queueName: () => string;
      /** Looks in the background how much waits in the partition. */
      readonly sample: () => void;
      /** Told when the lane went out of service or came back. */
      readonly onChange: (lane: Lane) => void;
    },
  ) {
    this.#deps = deps;
    this.#lane = lane;
    this.#queueName = queueName;
    this.#sample = sample;
    this.#onChange = onChange;
  }

  /** A storage call failed. */
  failed(error: unknown): void {
    const lane = this.#lane;
    lane.failures++;
    const cause = causeOf(error);
    const isNew = cause !== this.#cause;
    this.#cause = cause;
    // Each time it has failed twice as often: what goes on for hours must not fill the log.
    if (isNew || Number.isInteger(Math.log2(lane.failures))) {
      const fields = { ...this.#where(), failures: lane.failures, err: error };
      this.#deps.logger.warn('partition is failing', fields);
    }
    this.#onChange(lane);
    if (this.#cancelProbe === undefined && !this.#stopped) this.#armProbe();
  }

  /**
   * Asks the storage whether the partition can serve, now; success puts it into
   * service. Beside that, and without waiting for it, the partition is counted:
   * who comes back into service must be weighed against the others. Never throws.
   */
  async probe(): Promise<void> {
    if (this.#stopped) return;
    const lane = this.#lane;
    this.#sample();
    try {
      await this.#probes.run(() => lane.turns.probe(() => lane.store.probe()));
      const recovered = lane.failures > 0;
      lane.failures = 0;
      this.#disarmProbe();
      if (recovered) this.#deps.logger.info('partition is back in service', this.#where());
      this.#onChange(lane);
    } catch (error) {
      if (!this.#stopped) this.failed(error);
    }
  }

  /** Ends the probes, and waits for one under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#disarmProbe();
    await this.#probes.settled();
  }

  #where() {
    return { queue: this.#queueName(), partition: this.#lane.partition, storage: this.#lane.storageName };
  }

  #armProbe(): void {
    this.#cancelProbe = this.#deps.clock.startTimer(probeDelayMs(this.#lane.failures), () => {
      this.#cancelProbe = undefined;
      void this.probe();
    });
  }

  #disarmProbe(): void {
    this.#cancelProbe?.();
    this.#cancelProbe = undefined;
  }
}

/** Numbers in a text differ from time to time. */
function causeOf(error: unknown): string {
  return String(error).replace(/\d+/g, '#');
}
