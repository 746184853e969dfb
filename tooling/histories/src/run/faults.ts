import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '@querator/core/testing';
import type { PatroniCluster } from '@querator/tooling-postgres/debian';
import type { DatabaseLink } from './database-link.ts';
import type { Instance } from './instance.ts';
import { oneOf } from './one-of.ts';

/** The database of a run: one server, or a primary and its standby. */
export interface DatabaseUnderTest {
  /** The connection strings of all its servers. The one that takes writes may change. */
  readonly servers: readonly string[];
  /** The server that takes writes now. */
  connectionString(): string;
  /** Sends SIGKILL to all processes of the server that takes writes. */
  crash(): Promise<void>;
  /** Starts it again with its data. */
  start(): Promise<void>;
  /** Undefined: there is none. */
  readonly standby?: Standby;
  /** Undefined: the servers are not under Patroni. */
  readonly patroni?: PatroniCluster;
  /** The servers in the connection string of an instance; all servers by default. */
  serversOf?(instance: number): readonly string[];
}

/** Takes over from a primary that crashed. */
export interface Standby {
  /** Stops the replication to the standby. */
  cutOff(): void;
  /** Promotes the standby. */
  promote(): Promise<void>;
  /** Makes the former primary the standby. Commits wait for it again. */
  rebuild(): Promise<void>;
}

/** The parts of a run that a fault can disturb. */
export interface RunUnderTest {
  readonly instances: readonly Instance[];
  /** The link of each instance to the database. */
  readonly links: readonly DatabaseLink[];
  /** Undefined: the storage is a file. */
  readonly database: DatabaseUnderTest | undefined;
  readonly leaseTimeoutMs: number;
  readonly random: SeededRandom;
}

/** A fault. It is over when `strike` resolves. */
export interface Fault {
  readonly name: string;
  strike(run: RunUnderTest): Promise<void>;
}

/** Kills an instance and starts it again. */
export const killInstance: Fault = {
  name: 'kill an instance',
  async strike({ instances, random }) {
    const instance = oneOf(instances, random);
    await instance.kill();
    await delay(random.fraction() * 300);
    await instance.start();
  },
};

/** Stops an instance for longer than its leases last, and continues it. */
export const pauseInstance: Fault = {
  name: 'pause an instance',
  async strike({ instances, leaseTimeoutMs, random }) {
    const instance = oneOf(instances, random);
    instance.pause();
    await delay(leaseTimeoutMs * (1.1 + random.fraction()));
    instance.resume();
  },
};

/** Resets all connections of an instance, a few times in a row, at any moment. */
const cutConnections: Fault = {
  name: 'cut connections',
  async strike({ links, random }) {
    const link = oneOf(links, random);
    for (let n = 0; n < 5; n++) {
      link.cut();
      await delay(random.fraction() * 80);
    }
  },
};

/** The database executes statements and the answers are lost, so that the outcome of commits is unknown. */
export const loseAnswers: Fault = {
  name: 'lose the answers of the database',
  async strike({ links, random }) {
    const link = oneOf(links, random);
    link.cutAtAnswers();
    await delay(50 + random.fraction() * 300);
    link.restore();
  },
};

/** Drops all traffic to the database without an error. */
const blackHole: Fault = {
  name: 'black hole before the database',
  async strike({ links, random }) {
    const link = oneOf(links, random);
    link.blackHole();
    await delay(200 + random.fraction() * 800);
    link.restore();
  },
};

/** Crashes the database, which loses all unwritten data. */
export const crashDatabase: Fault = {
  name: 'crash the database',
  async strike({ database, random }) {
    if (database === undefined) throw new Error('there is no database to crash');
    await database.crash();
    await delay(random.fraction() * 200);
    await database.start();
  },
};

/**
 * Crashes the primary and promotes the standby. In half of the cases replication
 * was cut before, so that writes acknowledged without the standby would be lost.
 * The former primary returns as the standby.
 */
export const failOver: Fault = {
  name: 'fail over to the standby',
  async strike({ database, random }) {
    const standby = database?.standby;
    if (database === undefined || standby === undefined)
      throw new Error('there is no standby to fail over to');
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

/** The faults of a single database server and several instances. */
export const FAULTS: readonly Fault[] = [
  killInstance,
  pauseInstance,
  cutConnections,
  loseAnswers,
  blackHole,
  crashDatabase,
];
