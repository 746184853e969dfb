import {
  type CancelTimer,
  type Clock,
  HEARTBEAT_INTERVAL,
  type Instance,
  type InstanceRecord,
  type InstanceStore,
  type InstanceView,
  type Logger,
  type Random,
  SharedRun,
  type StorageSignals,
  toMilliseconds,
  type UnrecordedInstance,
  within,
} from '@querator/core';
import {
  isComplete,
  type Lacking,
  lackingIn,
  listNotKnown,
  requiredBy,
  storageRequiredBy,
} from './lacking.ts';

/** The topic of processes that start and stop. No queue can have a name with `~`. */
const INSTANCES_TOPIC = '~instances';

const BEAT_MS = toMilliseconds(HEARTBEAT_INTERVAL);
/** The longest pause between attempts while the records cannot be read. */
const LONGEST_PAUSE_MS = 60_000;
/** The longest pause between a notification and the heartbeat that it leads to. */
const SOON_MS = 250;
/** How long a stop waits for the removal of the record. It would be gone in 20 s anyway. */
const STOP_WAIT_MS = 1_000;
/** How long a caller waits for the first answer of the storage. */
const FIRST_WAIT_MS = 5_000;

const ID_LENGTH = 20;

/** What this process tells the others about itself. */
export type OwnRecord = Omit<InstanceRecord, 'id'>;

export interface InstancesDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Undefined: the storage of the queues keeps no records. Then this process takes itself for the only one. */
  readonly store: InstanceStore | undefined;
  /** Change notifications from the same storage. Undefined: there are none. */
  readonly signals: StorageSignals | undefined;
  readonly own: OwnRecord;
}

/**
 * The processes that serve the same queues. Writes the heartbeat of this one, and
 * reads those of the others with it. Answers from memory; no call waits for the storage.
 *
 * While the records cannot be read, what was read last counts.
 */
export class Instances {
  readonly #deps: InstancesDeps;
  readonly #record: InstanceRecord;
  readonly #beats = new SharedRun(() => this.#beatAndArm());
  readonly #listeners = new Set<() => void>();
  readonly #unsubscribe: (() => void)[] = [];
  /** The results of `lacking` for the present view. */
  readonly #lacking = new Map<string, readonly Lacking[]>();
  #view: InstanceView | undefined;
  #started = false;
  #stopped = false;
  /** Called once all processes are known, or the storage has failed. */
  readonly #untilKnown: (() => void)[] = [];
  /** Consecutive failures. */
  #failures = 0;
  #cancelTimer: CancelTimer | undefined;
  /** The timer of a heartbeat after a notification. */
  #cancelSoon: CancelTimer | undefined;

  constructor(deps: InstancesDeps) {
    this.#deps = deps;
    this.#record = { id: deps.random.base62(ID_LENGTH), ...deps.own };
    if (deps.store === undefined) this.#view = this.#alone();
  }

  /** The random id of this process. */
  get id(): string {
    return this.#record.id;
  }

  /** What this process tells the others that it can do. */
  get capabilities(): readonly string[] {
    return this.#record.capabilities;
  }

  /** Begins the heartbeats. Returns at once. */
  start(): void {
    const { store, signals } = this.#deps;
    if (store === undefined || this.#started) return;
    this.#started = true;
    const beatSoon = () => this.#beatSoon();
    const subscriptions = [signals?.subscribe(INSTANCES_TOPIC, beatSoon), store.watchUnrecorded?.(beatSoon)];
    for (const end of subscriptions) if (end !== undefined) this.#unsubscribe.push(end);
    void this.#beats.start();
  }

  /** How many processes run; at least 1. */
  liveProcesses(): number {
    return Math.max(this.#view?.instances.length ?? 1, 1);
  }

  /** What was read last. Undefined before the first successful read. */
  list(): InstanceView | undefined {
    return this.#view;
  }

  /**
   * What was read last. Just after the start it waits until all processes are known,
   * for 5 s at most.
   *
   * @throws QueueError `retry` with the reason `unavailable` if nothing could be read yet.
   */
  async known(): Promise<InstanceView> {
    if (this.#mayComplete) await this.#complete();
    if (this.#view === undefined) throw listNotKnown();
    return this.#view;
  }

  /** Whether every process is known to have this capability. A cheap call. */
  everyoneHas(capability: string): boolean {
    return isComplete(this.#view) && this.lacking(capability).length === 0;
  }

  /**
   * The processes that lack a capability, or are too old to tell. Those that
   * are not known yet are missing; see {@link require}.
   */
  lacking(capability: string): readonly Lacking[] {
    let found = this.#lacking.get(capability);
    if (found === undefined) {
      found = lackingIn(this.#view, capability);
      this.#lacking.set(capability, found);
    }
    return found;
  }

  /**
   * Checks that every process has a capability. Waits if not all processes are
   * known yet, for 5 s at most.
   *
   * @returns undefined if every process has it; a promise if it has to wait.
   * @throws QueueError `retry` with the reason `unavailable`, which names a process
   *   that lacks it; also as the promise's rejection.
   */
  require(capability: string): Promise<void> | undefined {
    if (this.#mayComplete) return this.#requireLater(capability);
    requiredBy(this.#view, capability, this.lacking(capability));
    return undefined;
  }

  /**
   * Checks that every process has a storage, and that there is only one process if they cannot share
   * it. Waits as {@link require} does.
   *
   * @throws QueueError `retry` with the reason `unavailable`, which names a process; as the promise's rejection.
   */
  async requireStorage(storage: { readonly name: string; readonly shared: boolean }): Promise<void> {
    if (this.#mayComplete) await this.#complete();
    storageRequiredBy(this.#view, storage, this.#record.id);
  }

  /** Calls `onChange` when a process has come, gone or changed. @returns ends the subscription. */
  onChange(onChange: () => void): () => void {
    const listener = () => onChange();
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the heartbeats and removes the record, if the storage answers soon. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#cancelSoon?.();
    for (const end of this.#unsubscribe) end();
    this.#answerWaiting();
    const { store, clock, signals, logger } = this.#deps;
    if (store === undefined || !this.#started) return;
    const removal = this.#beats
      .idle()
      .then(() => store.remove(this.#record.id))
      .then(() => signals?.publish(INSTANCES_TOPIC))
      .catch((error: unknown) => logger.debug('the record of this process was not removed', { err: error }));
    await within(clock, STOP_WAIT_MS, removal);
  }

  /** Whether a wait may make the view complete. */
  get #mayComplete(): boolean {
    return !isComplete(this.#view) && this.#started && !this.#stopped && this.#failures === 0;
  }

  /** Waits until all processes are known, or the wait is no longer worth it. */
  async #complete(): Promise<void> {
    const { promise: known, resolve } = Promise.withResolvers<void>();
    this.#untilKnown.push(resolve);
    await within(this.#deps.clock, FIRST_WAIT_MS, known);
  }

  async #requireLater(capability: string): Promise<void> {
    await this.#complete();
    requiredBy(this.#view, capability, this.lacking(capability));
  }

  /** After a notification. Many of them at once lead to one heartbeat. */
  #beatSoon(): void {
    if (this.#stopped) return;
    const { clock, random } = this.#deps;
    this.#cancelSoon ??= clock.startTimer(SOON_MS * random.fraction(), () => {
      this.#cancelSoon = undefined;
      void this.#beats.start();
    });
  }

  async #beatAndArm(): Promise<void> {
    if (this.#stopped) return;
    this.#cancelTimer?.();
    await this.#beat();
    if (this.#stopped) return;
    const pauseMs = Math.min(BEAT_MS * 2 ** Math.max(this.#failures - 1, 0), LONGEST_PAUSE_MS);
    this.#cancelTimer = this.#deps.clock.startTimer(pauseMs, () => void this.#beats.start());
  }

  async #beat(): Promise<void> {
    const { store, logger, signals } = this.#deps;
    if (store === undefined) return;
    try {
      const view = await store.beat(this.#record);
      if (this.#failures > 0) logger.info('the processes on the storage of the queues are known again');
      const isFirst = this.#view === undefined;
      this.#failures = 0;
      this.#see(view);
      if (isFirst) signals?.publish(INSTANCES_TOPIC);
    } catch (error) {
      if (this.#failures++ === 0 && !this.#stopped) {
        logger.warn('the processes on the storage of the queues cannot be read', { err: error });
      }
    }
    if (this.#failures > 0 || isComplete(this.#view)) this.#answerWaiting();
  }

  /** Lets those go on that wait until all processes are known. */
  #answerWaiting(): void {
    for (const known of this.#untilKnown.splice(0)) known();
  }

  #see(view: InstanceView): void {
    const isSame = this.#view !== undefined && identityOf(view) === identityOf(this.#view);
    const before = this.#view?.unrecorded;
    this.#view = view;
    if (isSame) return;
    this.#lacking.clear();
    this.#logUnrecorded(before ?? [], view.unrecorded ?? []);
    for (const listener of [...this.#listeners]) listener();
  }

  #logUnrecorded(before: readonly UnrecordedInstance[], now: readonly UnrecordedInstance[]): void {
    const { logger } = this.#deps;
    for (const { id, text } of now) {
      if (before.some((each) => each.id === id)) continue;
      logger.warn('a server of an older version uses the same database; what it does not know is refused', {
        server: text,
      });
    }
    for (const { id, text } of before) {
      if (!now.some((each) => each.id === id))
        logger.info('a server of an older version is gone', { server: text });
    }
  }

  #alone(): InstanceView {
    const now = this.#deps.clock.now();
    const own: Instance = { ...this.#record, startedAt: now, heartbeatAt: now };
    return { now, instances: [own], unrecorded: [] };
  }
}

/** The processes of a view and their capabilities, as a text to compare. */
function identityOf({ instances, unrecorded }: InstanceView): string {
  const known = instances.map(({ id, capabilities }) => [id, ...capabilities]);
  return JSON.stringify([known, unrecorded?.map(({ id, name }) => [id, name])]);
}
