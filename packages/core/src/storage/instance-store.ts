import { type Duration, milliseconds } from '../time/duration.ts';
import type { Instant } from '../time/instant.ts';

/** How often a process writes its heartbeat. */
export const HEARTBEAT_INTERVAL: Duration = milliseconds(5_000);
/** A process without a heartbeat for this long is gone. */
export const INSTANCE_TIMEOUT: Duration = milliseconds(20_000);
/** After this time without a heartbeat the record of a process is removed. */
export const INSTANCE_RECORD_TIMEOUT: Duration = milliseconds(3_600_000);

/** A storage of a process. */
export interface InstanceStorage {
  /** The name by which queues refer to it. */
  readonly name: string;
  readonly driver: string;
  /** Its weight in the placement of new partitions; 0: it gets none. Undefined: the process is too old to say. */
  readonly affinity?: number | undefined;
  /** Whether its partitions are to move to other storages. Undefined: no. */
  readonly drain?: true | undefined;
}

/** What a process tells the others about itself. */
export interface InstanceRecord {
  /** Random. Each start of a process has another one. */
  readonly id: string;
  /** For operators, to find the process. Not unique. */
  readonly name: string;
  /** The version of the program. */
  readonly version: string;
  readonly storages: readonly InstanceStorage[];
  /** Stable words for what the process can do with shared data. */
  readonly capabilities: readonly string[];
}

/** A process whose heartbeat arrived lately. */
export interface Instance extends InstanceRecord {
  /** When its first heartbeat arrived. */
  readonly startedAt: Instant;
  readonly heartbeatAt: Instant;
}

/** A process of a version that keeps no record. Nothing is known of its capabilities. */
export interface UnrecordedInstance {
  /** Stays the same while the process runs. */
  readonly id: string;
  /** For callers: names it without its address, such as `database session 4711`. */
  readonly name: string;
  /** For operators: all that is known, to find the process. Contains no password. */
  readonly text: string;
}

/** The processes that run, as the storage knows them. */
export interface InstanceView {
  /** By the storage's clock. */
  readonly now: Instant;
  /** In order of their start, then of their ids. Contains the caller. */
  readonly instances: readonly Instance[];
  /**
   * The processes that were noticed without a record. Empty if the storage cannot
   * notice any. Undefined soon after the start, while some may not have been noticed yet.
   */
  readonly unrecorded: readonly UnrecordedInstance[] | undefined;
}

/**
 * Keeps a record of each process that serves the queues of a storage. It lives
 * beside the queues' settings.
 *
 * Contract of every driver, for all methods: calls may run concurrently, also
 * from several processes on the same storage. The first call initialises the
 * store; if that fails, the next call tries again. Each call settles within the
 * backend's time limits. A storage failure is a `StorageError`. All times are by
 * the storage's clock. Records need not be durable: each heartbeat writes them anew.
 */
export interface InstanceStore {
  /**
   * Writes the record and the heartbeat of this process, removes the records of
   * processes that are gone for {@link INSTANCE_RECORD_TIMEOUT}, and returns those
   * with a heartbeat in the last {@link INSTANCE_TIMEOUT}. One statement, which may
   * be repeated.
   */
  beat(record: InstanceRecord): Promise<InstanceView>;

  /** Removes the record of a process that stops. It may be missing. */
  remove(id: string): Promise<void>;

  /**
   * Begins to notice processes without a record. Calls `onChange` when one was
   * noticed, and when all are known: the next `beat` returns them. One that is gone
   * disappears from the results within seconds. Undefined if the storage cannot notice any.
   *
   * @returns ends the subscription.
   */
  watchUnrecorded?(onChange: () => void): () => void;
}
