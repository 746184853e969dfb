/** A queue as a user's program has it: producers and workers in one process. */
export interface JobSystem {
  /** Stores one job. */
  add(): Promise<void>;
  /** Starts workers. @returns a function that stops them. */
  work(options: WorkersOptions): Promise<() => Promise<void>>;
  /** Closes its connections. */
  close(): Promise<void>;
}

/** How jobs are handled. */
export interface WorkersOptions {
  /** Jobs that are handled at a time. */
  readonly concurrency: number;
  readonly handler: () => Promise<void>;
  /** Receives each job when it is completed in storage. */
  readonly done: () => void;
}
