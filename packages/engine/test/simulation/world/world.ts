import { SeededRandom } from '@querator/core/testing';
import { createService } from '../../../src/index.ts';
import { History } from '../history.ts';
import { type Answer, ask, type Request } from '../request.ts';
import type { ClosedWorld } from './closed-world.ts';
import type { Dice } from './dice.ts';
import { Disk, KnownQueues } from './disk.ts';
import { EngineProcess } from './engine-process.ts';
import { EngineStorage } from './engine-storage.ts';
import { Scheduler } from './scheduler.ts';
import type { Setting } from './setting.ts';
import { SignalHub } from './signal-hub.ts';
import { Weather } from './weather.ts';

/** A client stays with an engine that sleeps for so long at the most. */
const PATIENCE_MS = 3_000;

/** Engines on one storage, under one clock and one sky. */
export class World {
  readonly closed: ClosedWorld;
  readonly dice: Dice;
  readonly setting: Setting;
  readonly scheduler: Scheduler;
  readonly history: History;
  readonly weather: Weather;
  readonly signals: SignalHub | undefined;
  readonly disks: readonly Disk[];
  /** Who runs at each of the places for engines. */
  readonly engines: EngineProcess[] = [];
  /** All that ever ran. */
  readonly processes: EngineProcess[] = [];
  /** What was found to be wrong while the world went on. */
  readonly objections: string[] = [];

  constructor(closed: ClosedWorld, dice: Dice, setting: Setting) {
    this.closed = closed;
    this.dice = dice;
    this.setting = setting;
    this.scheduler = new Scheduler(closed);
    this.history = new History(() => this.scheduler.nowMs);
    this.weather = new Weather(dice, setting.climate);
    this.signals =
      setting.signals === 'none'
        ? undefined
        : new SignalHub(this.scheduler, dice, setting.signals === 'lossy');
    const queues = new KnownQueues();
    this.disks = Array.from({ length: setting.disks }, (_, n) => new Disk(`disk-${n + 1}`, this, queues));
    for (let place = 0; place < setting.engines; place++) this.start(place);
  }

  /** Starts a process at one of the places. */
  start(place: number): void {
    const { setting, scheduler, weather, history, signals } = this;
    // The second process at the first place is A2.
    const generation =
      this.processes.filter((other) => other.name.startsWith('ABC'[place] as string)).length + 1;
    const name = `${'ABC'[place]}${generation}`;
    const random = new SeededRandom(Math.floor(this.dice.between(1, 2 ** 32)));
    const process = new EngineProcess(name, random, this, setting.fastByMs[place] as number);
    const storages = this.disks.map((disk) => {
      const way = { scheduler, weather, history, process, disk, polls: setting.polls };
      return new EngineStorage({ ...way, signals: signals?.endOf(process) });
    });
    const home = storages[0] as EngineStorage;
    process.service = createService({
      // As the server does.
      waitForStorage: true,
      clock: process.clock,
      random,
      limits: setting.limits,
      queueStore: home.queueStore(),
      queueSignals: home.signals,
      storages: storages.map((backend) => ({ backend, affinity: 1 })),
    });
    this.engines[place] = process;
    this.processes.push(process);
    this.tell(`${name} starts`);
  }

  /** Kills the process at a place. */
  crash(place: number): void {
    const process = this.engines[place] as EngineProcess;
    this.history.add({ type: 'crash', engine: process.name });
    process.crash();
  }

  /** Whether any process sleeps. */
  get someoneSleeps(): boolean {
    return this.engines.some((process) => process.asleep);
  }

  /** An engine as a client finds one: who does not answer is soon known not to. */
  anyEngine(): EngineProcess {
    const engine = this.dice.pick(this.engines);
    if (!engine.asleep || this.dice.chance(0.3)) return engine;
    return this.engines.find((other) => !other.asleep) ?? engine;
  }

  /** Something is as it must not be. */
  object(text: string): void {
    this.objections.push(text);
    this.tell(`OBJECTION: ${text}`);
  }

  /** Writes something into the history. */
  readonly tell = (text: string): void => this.history.add({ type: 'world', text });

  /**
   * Asks an engine on a client's behalf. The history has what the engine knows:
   * a client has left when its engine hears of it.
   *
   * @param leave when the client loses interest, in milliseconds or as it
   *   comes; absent: not before the engine has been asleep for a while.
   * @returns nothing where there is no engine to connect to.
   */
  async ask(
    client: string,
    engine: EngineProcess,
    request: Request,
    leave?: number | Promise<void>,
  ): Promise<Answer | undefined> {
    if (!engine.alive) return undefined;
    const { history, scheduler, dice, setting } = this;
    const call = history.newCall();
    history.add({ type: 'call', call, client, engine: engine.name, request });
    const mayLeave = leave !== undefined || setting.naps > 0;
    const leaving = mayLeave ? new AbortController() : undefined;
    const signal = leaving?.signal;
    // Every other caller is asked first, and says by itself only when it has waited for long.
    const options = call % 2 === 0 ? { signal } : { signal, isGone: () => signal?.aborted === true };
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    let answered = false;
    const answer = (how: Answer) => {
      if (answered) return;
      answered = true;
      unwatch();
      unwatchSleep();
      history.add({ type: 'answer', call, answer: how });
      // What the client does about it is another event than what the engine does.
      scheduler.after(0, () => resolve(how));
    };
    const goAway = () => {
      // There is nobody it could say it to, and it does not wait for that.
      if (engine.asleep) resolve({ how: 'left' });
      engine.hear(() => {
        if (answered) return;
        history.add({ type: 'leave', call });
        leaving?.abort('the client has left');
      });
    };
    const unwatch = engine.onCrash(() => answer({ how: 'cut' }));
    const loseHeart = () => {
      scheduler.after(dice.between(0, PATIENCE_MS), () => {
        if (!answered && engine.asleep) goAway();
      });
    };
    const unwatchSleep = mayLeave ? engine.onSleep(loseHeart) : () => {};
    if (engine.asleep) loseHeart();
    const arrive = () => engine.hear(() => void ask(engine.service, request, options).then(answer, reject));
    scheduler.after(0, arrive);
    if (typeof leave === 'number') scheduler.after(leave, goAway);
    else void leave?.then(() => scheduler.after(0, goAway));
    return promise;
  }
}
