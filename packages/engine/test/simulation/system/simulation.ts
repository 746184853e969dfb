import { SeededRandom } from '@querator/core/testing';
import { createService } from '../../../src/index.ts';
import { History } from '../history.ts';
import { type Answer, ask, type Request } from '../request.ts';
import type { Dice } from './dice.ts';
import { Disk, KnownQueues } from './disk.ts';
import { EngineProcess } from './engine-process.ts';
import { EngineStorage } from './engine-storage.ts';
import type { Scenario } from './scenario.ts';
import { Scheduler } from './scheduler.ts';
import { SignalHub } from './signal-hub.ts';
import type { SimulatedEventLoop } from './simulated-event-loop.ts';
import { StorageFaults } from './storage-faults.ts';

/** The longest time in milliseconds that a client stays with a sleeping engine. */
const WAIT_MS = 3_000;

/** Engines on one storage, with simulated time and faults. */
export class Simulation {
  readonly eventLoop: SimulatedEventLoop;
  readonly dice: Dice;
  readonly scenario: Scenario;
  readonly scheduler: Scheduler;
  readonly history: History;
  readonly faults: StorageFaults;
  readonly signals: SignalHub | undefined;
  readonly disks: readonly Disk[];
  /** The running process of each slot for engines. */
  readonly engines: EngineProcess[] = [];
  /** All processes that ever ran. */
  readonly processes: EngineProcess[] = [];
  /** Violations found during the run. */
  readonly violations: string[] = [];

  readonly #queues: KnownQueues;

  constructor(eventLoop: SimulatedEventLoop, dice: Dice, scenario: Scenario) {
    this.eventLoop = eventLoop;
    this.dice = dice;
    this.scenario = scenario;
    this.scheduler = new Scheduler(eventLoop);
    this.history = new History(() => this.scheduler.nowMs);
    this.faults = new StorageFaults(dice, scenario.faultRates);
    this.signals =
      scenario.signals === 'none'
        ? undefined
        : new SignalHub(this.scheduler, dice, scenario.signals === 'lossy');
    const queues = new KnownQueues();
    this.#queues = queues;
    this.disks = Array.from({ length: scenario.disks }, (_, n) => new Disk(`disk-${n + 1}`, this, queues));
    for (let place = 0; place < scenario.engines; place++) this.start(place);
  }

  /** Whether a queue cannot have new partitions, since a deletion of it has not ended. */
  get hasClosedQueue(): boolean {
    return this.#queues.closures.size > 0;
  }

  /** Starts a process in a slot. */
  start(place: number): void {
    const { scenario, scheduler, faults, history, signals } = this;
    // The second process in the first slot is A2.
    const generation =
      this.processes.filter((other) => other.name.startsWith('ABC'[place] as string)).length + 1;
    const name = `${'ABC'[place]}${generation}`;
    const random = new SeededRandom(Math.floor(this.dice.between(1, 2 ** 32)));
    const process = new EngineProcess(name, random, this, scenario.fastByMs[place] as number);
    const storages = this.disks.map((disk) => {
      const way = { scheduler, faults, history, process, disk, polls: scenario.polls };
      return new EngineStorage({ ...way, signals: signals?.endOf(process) });
    });
    const home = storages[0] as EngineStorage;
    process.service = createService({
      // As the server does.
      waitForStorage: true,
      clock: process.clock,
      random,
      limits: scenario.limits,
      queueStore: home.queueStore(),
      queueSignals: home.signals,
      storages: storages.map((backend) => ({ backend, affinity: 1 })),
      ...(scenario.moves > 0 ? { taskStore: home.taskStore() } : {}),
    });
    process.service.tasks.start();
    this.engines[place] = process;
    this.processes.push(process);
    this.note(`${name} starts`);
  }

  /** Crashes the process in a slot. */
  crash(place: number): void {
    const process = this.engines[place] as EngineProcess;
    this.history.add({ type: 'crash', engine: process.name });
    process.crash();
  }

  /** Whether any process sleeps. */
  get anySleeps(): boolean {
    return this.engines.some((process) => process.asleep);
  }

  /** An engine as a client finds one. Clients mostly avoid sleeping engines. */
  anyEngine(): EngineProcess {
    const engine = this.dice.pick(this.engines);
    if (!engine.asleep || this.dice.chance(0.3)) return engine;
    return this.engines.find((other) => !other.asleep) ?? engine;
  }

  /** Records a violation. */
  report(text: string): void {
    this.violations.push(text);
    this.note(`OBJECTION: ${text}`);
  }

  /** Adds a note to the history. */
  readonly note = (text: string): void => this.history.add({ type: 'note', text });

  /**
   * Sends a request to an engine on a client's behalf. The history shows what
   * the engine knows: a client leaves when its engine receives that.
   *
   * @param leave when the client leaves, in milliseconds or by a promise.
   *   Undefined: only after the engine has slept for a while.
   * @returns undefined if the engine does not run.
   */
  async ask(
    client: string,
    engine: EngineProcess,
    request: Request,
    leave?: number | Promise<void>,
  ): Promise<Answer | undefined> {
    if (!engine.alive) return undefined;
    const { history, scheduler, dice, scenario } = this;
    const call = history.newCall();
    history.add({ type: 'call', call, client, engine: engine.name, request });
    const mayLeave = leave !== undefined || scenario.sleeps > 0;
    const leaving = mayLeave ? new AbortController() : undefined;
    const signal = leaving?.signal;
    // For half of the callers the engine polls `isGone`. They create a signal only after a long wait.
    const options = call % 2 === 0 ? { signal } : { signal, isGone: () => signal?.aborted === true };
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    let answered = false;
    const answer = (how: Answer) => {
      if (answered) return;
      answered = true;
      unwatch();
      unwatchSleep();
      history.add({ type: 'answer', call, answer: how });
      // The client's reaction is an event of its own.
      scheduler.after(0, () => resolve(how));
    };
    const leaveNow = () => {
      // The client cannot reach the sleeping engine, and does not wait for it.
      if (engine.asleep) resolve({ how: 'left' });
      engine.receive(() => {
        if (answered) return;
        history.add({ type: 'leave', call });
        leaving?.abort('the client has left');
      });
    };
    const unwatch = engine.onCrash(() => answer({ how: 'cut' }));
    const leaveLater = () => {
      scheduler.after(dice.between(0, WAIT_MS), () => {
        if (!answered && engine.asleep) leaveNow();
      });
    };
    const unwatchSleep = mayLeave ? engine.onSleep(leaveLater) : () => {};
    if (engine.asleep) leaveLater();
    const arrive = () =>
      engine.receive(() => void ask(engine.service, request, options).then(answer, reject));
    scheduler.after(0, arrive);
    if (typeof leave === 'number') scheduler.after(leave, leaveNow);
    else void leave?.then(() => scheduler.after(0, leaveNow));
    return promise;
  }
}
