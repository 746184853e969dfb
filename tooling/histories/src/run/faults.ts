import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '@querator/core/testing';
import type { PatroniCluster } from '@querator/tooling-postgres/debian';
import type { Instance } from './instance.ts';
import type { Way } from './way.ts';

/** The database of a run: one server, or a primary and its standby. */
export interface DatabaseUnderTest {
  /** The connection strings of all its servers; which of them takes writes may change. */
  readonly servers: readonly string[];
  /** Leads to the one that takes writes now. */
  connectionString(): string;
  /** SIGKILL to all processes of the one that takes writes. */
  crash(): Promise<void>;
  /** Starts it again, with the data that had been written. */
  start(): Promise<void>;
  /** Absent: there is none. */
  readonly standby?: Standby;
  /** What looks after the servers; absent: nobody does. */
  readonly patroni?: PatroniCluster;
  /** What the instance of that number has in its connection string; absent: all servers. */
  serversOf?(instance: number): readonly string[];
}

/** Takes over from a primary that crashed. */
export interface Standby {
  /** From now on nothing of what the primary writes reaches it. */
  cutOff(): void;
  /** Makes it the primary. */
  promote(): Promise<void>;
  /** Makes the former primary the standby, and has the new one wait for it. */
  rebuild(): Promise<void>;
}

/** All that can be made to fail. */
export interface RunUnderTest {
  readonly instances: readonly Instance[];
  /** The way of each instance to the database. */
  readonly ways: readonly Way[];
  readonly database: DatabaseUnderTest;
  readonly leaseTimeoutMs: number;
  readonly random: SeededRandom;
}

/** Something that goes wrong, and is mended before `strike` resolves. */
export interface Fault {
  readonly name: string;
  strike(run: RunUnderTest): Promise<void>;
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
  async strike({ ways, random }) {
    const way = anyOf(ways, random);
    for (let n = 0; n < 5; n++) {
      way.cut();
      await delay(random.fraction() * 80);
    }
  },
};

/** The database does what it is asked, and its answers are lost: commits whose outcome nobody learns. */
export const loseAnswers: Fault = {
  name: 'lose the answers of the database',
  async strike({ ways, random }) {
    const way = anyOf(ways, random);
    way.cutAtAnswers();
    await delay(50 + random.fraction() * 300);
    way.restore();
  },
};

/** The way to the database leads nowhere, and nobody is told. */
const blackHole: Fault = {
  name: 'black hole before the database',
  async strike({ ways, random }) {
    const way = anyOf(ways, random);
    way.blackHole();
    await delay(200 + random.fraction() * 800);
    way.restore();
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

/**
 * The primary is lost with all its processes, and the standby takes its place.
 * Half of the times it has got nothing for a while: what was acknowledged without
 * it would be lost now. The former primary comes back as the standby.
 */
export const failOver: Fault = {
  name: 'fail over to the standby',
  async strike({ database, random }) {
    const { standby } = database;
    if (standby === undefined) throw new Error('there is no standby to fail over to');
    if (random.fraction() < 0.5) {
      standby.cutOff();
      await delay(100 + random.fraction() * 300);
    }
    await database.crash();
    await delay(random.fraction() * 200);
    await standby.promote();
    await delay(random.fraction() * 500);
    await standby.rebuild();
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
