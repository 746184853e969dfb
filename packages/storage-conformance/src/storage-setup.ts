import type { Clock, Random, StorageBackend } from '@querator/core';

/** What a backend under test uses instead of the machine's clock and randomness. */
export interface OpenOptions {
  /** The source of every instant that the driver stores or compares. */
  readonly clock: Clock;
  /** The source of the random part of ids. Each backend of a test gets its own. */
  readonly random: Random;
}

/** How the suite opens the storage of a driver. */
export interface StorageSetup {
  /**
   * Opens another backend. All backends of a setup use the same storage: at the
   * same time if `shared`, one after the other if `durable`. The suite closes
   * them. Each test uses its own queue names, so the storage need not be emptied.
   */
  open(options: OpenOptions): StorageBackend | Promise<StorageBackend>;

  /** Runs once after the last test, to stop what the setup started. */
  dispose?(): void | Promise<void>;

  /**
   * The number of random sequences of the model test; 100 by default. Choose fewer
   * for a slow storage. The environment variable QUERATOR_MODEL_RUNS overrides it.
   */
  readonly modelRuns?: number;
}
