import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '@querator/core/testing';
import type { FaultProxy } from '@querator/tooling-postgres';
import type { Instance } from './instance.ts';

/** The database of a run. Clusters of several servers fit in: a fault of theirs is one more in the list. */
export interface DatabaseUnderTest {
  readonly connectionString: string;
  /** SIGKILL to all its processes. */
  crash(): Promise<void>;
  /** Starts it again, with the data that had been written. */
  start(): Promise<void>;
}

/** All that can be made to fail. */
export interface World {
  readonly instances: readonly Instance[];
  /** The way of each instance to the database. */
  readonly proxies: readonly FaultProxy[];
  readonly database: DatabaseUnderTest;
  readonly leaseTimeoutMs: number;
  readonly random: SeededRandom;
}

/** Something that goes wrong, and is mended before `strike` resolves. */
export interface Fault {
  readonly name: string;
  strike(world: World): Promise<void>;
}

const anyOf = <T>(all: readonly T[], random: SeededRandom) =>
  all[Math.floor(random.fraction() * all.length)] as T;

/** An instance is killed, and started again. */
export const killInstance: Fault = {
  name: 'kill an instance',
  async strike({ instances, random }) {
    const instance = anyOf(instances, random);
    await instance.kill();
    await delay(random.fraction() * 300);
    await instance.start();
  },
};

/** An instance stands still for longer than its leases last, and goes on. */
const pauseInstance: Fault = {
  name: 'pause an instance',
  async strike({ instances, leaseTimeoutMs, random }) {
    const instance = anyOf(instances, random);
    instance.pause();
    await delay(leaseTimeoutMs * (1.1 + random.fraction()));
    instance.resume();
  },
};

/** All connections of an instance are reset, a few times in a row, in the middle of whatever they do. */
const cutConnections: Fault = {
  name: 'cut connections',
  async strike({ proxies, random }) {
    const proxy = anyOf(proxies, random);
    for (let n = 0; n < 5; n++) {
      proxy.cut();
      await delay(random.fraction() * 80);
    }
  },
};

/** The database does what it is asked, and its answers are lost: commits whose outcome nobody learns. */
export const loseAnswers: Fault = {
  name: 'lose the answers of the database',
  async strike({ proxies, random }) {
    const proxy = anyOf(proxies, random);
    proxy.cutAtAnswers();
    await delay(50 + random.fraction() * 300);
    proxy.restore();
  },
};

/** The way to the database leads nowhere, and nobody is told. */
const blackHole: Fault = {
  name: 'black hole before the database',
  async strike({ proxies, random }) {
    const proxy = anyOf(proxies, random);
    proxy.blackHole();
    await delay(200 + random.fraction() * 800);
    proxy.restore();
  },
};

/** The database loses all that it has not written down. */
export const crashDatabase: Fault = {
  name: 'crash the database',
  async strike({ database, random }) {
    await database.crash();
    await delay(random.fraction() * 200);
    await database.start();
  },
};

/** What a single database server and several instances can suffer. */
export const FAULTS: readonly Fault[] = [
  killInstance,
  pauseInstance,
  cutConnections,
  loseAnswers,
  blackHole,
  crashDatabase,
];
