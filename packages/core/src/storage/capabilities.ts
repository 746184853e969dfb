/** What a storage with a capability can do, and what it is for. */
export interface CapabilityRule {
  /** What a storage with it can do, as a sentence. */
  readonly meaning: string;
  /** What the engine and the server do without it, as a sentence. */
  readonly without: string;
  /** Optional members of the backend that a storage has if it claims the capability, and only then. */
  readonly backend?: readonly string[];
  /** The same for its queue store. */
  readonly queues?: readonly string[];
  /** The same for its partition stores. */
  readonly partitions?: readonly string[];
}

/**
 * The capabilities of storages, in the order in which they are shown. `/health`, the
 * documentation and the contract suite are made from this list.
 */
export const STORAGE_CAPABILITIES = {
  durable: {
    meaning: 'Items survive the end of the process.',
    without:
      'The server warns when it starts. It refuses to keep queues here if items are in a durable storage.',
  },
  shared: {
    meaning: 'Several processes may use the storage at the same time. Requires durable.',
    without: 'The server refuses more than one worker.',
  },
  polls: {
    meaning: 'Many partitions are polled in few calls.',
    without: 'A process with waiting consumers leases and sweeps each partition at every poll.',
    backend: ['poll'],
  },
  counts: {
    meaning: 'Many small partitions are counted in few calls.',
    without: 'The list of queues counts one partition after the other.',
    backend: ['countSmall'],
  },
  signals: {
    meaning: 'Processes notify each other of changes.',
    without: 'A process learns of changes by others from polls only, within a second.',
    backend: ['signals'],
  },
  extend: {
    meaning: 'Leases can be extended.',
    without: '`/v2/queue.extend` is refused.',
    partitions: ['extend'],
  },
  dedup: {
    meaning: 'Items can be produced under dedup keys.',
    without: 'A produce with a dedup key is refused if its partition is in this storage.',
    partitions: ['produceKeyed', 'importKeyed', 'sweepKeys', 'countKeys', 'readKeys', 'storeKeys'],
  },
  metadata: {
    meaning: 'Items keep metadata, their first id, the last error, and the source of dead letters.',
    without: 'Calls that need metadata answer `unavailable`, and dead letters lose it.',
  },
  find: {
    meaning: 'Items can be found by filters, with a bounded amount of work per call.',
    without: 'Calls that find items are refused if a partition of the queue is in this storage.',
    partitions: ['find'],
  },
  transfer: {
    meaning: 'Items go from one partition of the storage to another as one step. Requires metadata.',
    without: 'Items cannot be moved to another queue within this storage.',
    partitions: ['transfer', 'transferTarget'],
  },
  take: {
    meaning: 'Tasks can take items in order to move them to another storage. Requires metadata.',
    without: 'Items cannot be moved to a queue on another storage.',
    partitions: ['takeItems', 'takenItems', 'markTaken', 'returnTaken', 'removeTaken'],
  },
  outbox: {
    meaning: 'Rows of an outbox in the same database become items in one transaction.',
    without: 'The relay moves rows as if they came from another database: under a dedup key.',
    backend: ['hasOutbox'],
    partitions: ['produceFromOutbox'],
  },
  clock: {
    meaning: 'The storage tells the time by which it judges deadlines.',
    without: 'A task takes the items that are older than itself by the clock of the queues.',
    backend: ['now'],
  },
  pause: {
    meaning: 'Queues that are stored here can be paused.',
    without: '`/v2/queues.pause` is refused.',
    queues: ['pause'],
  },
  closures: {
    meaning: 'Queues can be closed while they are deleted, and partitions removed only if they are empty.',
    without: 'A deletion of an empty queue loses items that another process stores meanwhile.',
    queues: ['close'],
    partitions: ['dropEmpty'],
  },
  tasks: {
    meaning: 'Tasks are kept beside the queues.',
    without: 'Tasks are refused.',
    backend: ['taskStore'],
  },
  moves: {
    meaning: 'Partitions can move to another storage, or come from one, while they are in use.',
    without: 'Tasks of the kind `move_partition` from and to this storage are refused.',
    backend: ['moveStore'],
    queues: ['place'],
  },
  resize: {
    meaning: 'Queues can get more partitions, and fewer, while they are in use. Requires moves.',
    without:
      'Tasks of the kind `resize` are refused for queues that are stored here, or have partitions here.',
    queues: ['resize'],
  },
  schedules: {
    meaning: 'Schedules are kept beside the queues.',
    without: '`/v2/schedules.create` is refused.',
    backend: ['scheduleStore'],
  },
  instances: {
    meaning: 'Processes keep records of themselves beside the queues.',
    without:
      'Each process takes itself for the only one: limits are not shared, and features of v2 do not wait for an older server to end.',
    backend: ['instanceStore'],
  },
  rates: {
    meaning: 'What happened to the items of each queue is counted per minute, over all processes.',
    without: '`/v2/queues.rates` is refused.',
    backend: ['rateStore'],
  },
  access: {
    meaning: 'Users, keys and roles are kept beside the queues.',
    without: 'Access control cannot be switched on.',
    backend: ['accessStore'],
  },
  audit: {
    meaning: 'Audit events are stored with their changes.',
    without: '`audit.table` is refused.',
    backend: ['auditStore'],
  },
} as const satisfies Readonly<Record<string, CapabilityRule>>;

/** The name of a capability. */
export type StorageCapability = keyof typeof STORAGE_CAPABILITIES;

/** All names, in the order of the list. */
export const CAPABILITY_NAMES = Object.keys(STORAGE_CAPABILITIES) as readonly StorageCapability[];

/**
 * What a storage claims to be able to do. Undefined: no. Operators rely on claims, and the
 * contract suite skips the tests of a capability only if it is not claimed.
 */
export type StorageCapabilities = Readonly<Record<'durable' | 'shared', boolean>> &
  Readonly<Partial<Record<StorageCapability, boolean>>>;

/** The capabilities that a storage claims, in the order of the list. */
export function claimedCapabilities(claims: StorageCapabilities): readonly StorageCapability[] {
  return CAPABILITY_NAMES.filter((name) => claims[name] === true);
}
