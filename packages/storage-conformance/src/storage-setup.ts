import type { Clock, Random, StorageBackend } from '@querator/core';

/** What a backend under test must go by instead of the machine's clock and randomness. */
export interface OpenOptions {
  /** Every instant the driver stores or compares comes from here. */
  readonly clock: Clock;
  /** Where the random part of ids comes from; no two backends of a test are given the same. */
  readonly random: Random;
}

/** How the suite gets at the storage of a driver. */
export interface StorageSetup {
  /**
   * Makes one more backend. All backends of a setup are on the same storage if
   * their capabilities say `shared`, and one after the other if they say
   * `durable`. The suite closes them; tests keep apart by the names of their
   * queues, so the storage need not be emptied in between.
   */
  open(options: OpenOptions): StorageBackend | Promise<StorageBackend>;

  /** Called once, after the last test: stop what the setup started. */
  dispose?(): void | Promise<void>;

  /**
   * How many random sequences the model test runs; 100 when not given, fewer
   * for a slow storage. The environment's QUERATOR_MODEL_RUNS overrides both.
   */
  readonly modelRuns?: number;
}
