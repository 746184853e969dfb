import {
  type Schedule,
  type ScheduleStore,
  type StorageBackend,
  StorageError,
  type StorageSignals,
  silentLogger,
} from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import {
  type AdmitFiring,
  createService,
  type ScheduleCall,
  type ScheduleEvent,
  type Service,
} from '../../../src/index.ts';
import { item, payloadOf, queueCall } from '../../support/harness.ts';

/** A process that fires schedules, and what it can be made to do. */
export class ScheduledProcess {
  readonly service: Service;
  readonly storage: FaultyStorage;
  readonly events: Partial<Record<ScheduleEvent, number>> = {};
  readonly logged: string[] = [];
  /** Claims of this process. */
  looks = 0;
  /** Whether it dies when it is about to record a firing: it settles nothing, and claims nothing more. */
  diesAtSettle = false;
  /** Whether the storage of schedules answers. */
  storeFails = false;
  admit: AdmitFiring = () => undefined;
  #isDead = false;

  constructor(world: ScheduledProcesses, seed: number) {
    this.storage = new FaultyStorage(world.backend);
    const log = (message: string) => void this.logged.push(message);
    this.service = createService({
      clock: world.clock,
      random: new SeededRandom(seed),
      logger: { ...silentLogger, info: log, warn: log },
      observer: {
        items: () => {},
        batch: () => {},
        schedules: (event, count) => {
          this.events[event] = (this.events[event] ?? 0) + count;
        },
      },
      queueStore: this.storage.queueStore(),
      queueSignals: world.signals,
      scheduleStore: this.#store(world.store),
      admitFiring: (firing) => this.admit(firing),
      storages: [{ backend: this.storage, affinity: 1 }],
    });
  }

  #store(store: ScheduleStore): ScheduleStore {
    const dead = new Promise<never>(() => {});
    return {
      create: (...args) => store.create(...args),
      list: (...args) => store.list(...args),
      update: (...args) => store.update(...args),
      delete: (...args) => store.delete(...args),
      claim: async (options) => {
        if (this.#isDead) return dead;
        this.looks++;
        if (this.storeFails) throw new StorageError('injected', { outcome: 'not-applied' });
        return store.claim(options);
      },
      settle: async (settled) => {
        this.#isDead ||= this.diesAtSettle;
        return this.#isDead ? dead : store.settle(settled);
      },
    };
  }
}

/** Processes on one storage, by the storage's clock. */
export class ScheduledProcesses {
  readonly clock: ManualClock;
  readonly backend: StorageBackend;
  readonly store: ScheduleStore;
  readonly signals: StorageSignals;
  readonly #subscribers = new Map<string, Set<() => void>>();
  #made = 0;

  constructor(clock = new ManualClock()) {
    this.clock = clock;
    this.backend = memoryBackend({ name: 'mem', clock, random: new SeededRandom() });
    const store = this.backend.scheduleStore?.();
    if (store === undefined) throw new Error('memory has no schedule store');
    this.store = store;
    this.signals = {
      listening: true,
      publish: (topic) => {
        for (const onChange of this.#subscribers.get(topic) ?? []) onChange();
      },
      subscribe: (topic, onChange) => {
        const ofTopic = this.#subscribers.get(topic) ?? new Set();
        this.#subscribers.set(topic, ofTopic.add(onChange));
        return () => void ofTopic.delete(onChange);
      },
    };
  }

  /** A process that does not fire yet. */
  make(): ScheduledProcess {
    return new ScheduledProcess(this, ++this.#made);
  }

  start(): ScheduledProcess {
    const process = this.make();
    process.service.schedules.start();
    return process;
  }

  /** Runs until the schedule has nothing to do now. */
  async untilIdle(): Promise<void> {
    for (let rounds = 0; rounds < 20_000; rounds++) {
      const { dueAt } = (await this.schedule()).state;
      if (dueAt === undefined || dueAt > this.clock.now()) return;
      await this.clock.advance('0');
    }
  }

  /** The payloads of a queue, in their order. */
  async stored(queue: string): Promise<readonly string[]> {
    const store = this.backend.partitionStore({ queue, partition: 0 });
    return (await store.list({ state: 'queued', pivot: '', limit: 2_000 })).map(payloadOf);
  }

  async schedule(name = 's', namespace = '_system'): Promise<Schedule> {
    const found = await this.store.list({ namespace, queueName: undefined, pivot: name, limit: 1 });
    const [schedule] = found;
    if (schedule?.name !== name) throw new Error(`no schedule ${name}`);
    return schedule;
  }
}

/** A schedule that fires every minute. */
export function scheduleCall(more: Partial<ScheduleCall> = {}): ScheduleCall {
  return {
    ...{ name: 's', queueName: 'q', cron: '* * * * *', timeZone: 'UTC', missed: 'one' },
    ...{ item: item('tick'), until: undefined },
    ...more,
  };
}

export { item, queueCall };
