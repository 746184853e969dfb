import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '@querator/core/testing';
import type { PatroniCluster, PatroniNode } from '@querator/tooling-postgres/debian';
import type { Fault, RunUnderTest } from './faults.ts';

/** The longest time that a node stays disturbed after another one leads. */
const AFTERWARDS_MS = 3_000;

type Strike = (cluster: PatroniCluster, leader: PatroniNode, random: SeededRandom) => Promise<void>;

/** A fault of the leader. It is over when all nodes are up and one standby is synchronous. */
function ofLeader(name: string, strike: Strike): Fault {
  return {
    name,
    async strike({ database, random }: RunUnderTest) {
      const patroni = database?.patroni;
      if (patroni === undefined) throw new Error('the database is not under Patroni');
      await strike(patroni, await patroni.leader(), random);
      await patroni.settled();
    },
  };
}

/** Patroni restarts PostgreSQL, or promotes a standby. */
const killPostgres = ofLeader("kill the leader's PostgreSQL", async (_, leader) => leader.killPostgres());

/** Simulates the loss of the machine: the leader's lock has to expire. The node returns as a standby. */
const killNode = ofLeader('kill the leader, PostgreSQL and Patroni', async (cluster, leader, random) => {
  await leader.killPatroni();
  await leader.killPostgres();
  await cluster.leader(leader);
  await delay(random.fraction() * AFTERWARDS_MS);
  leader.startPatroni();
});

/** PostgreSQL continues as a primary without Patroni, beside the promoted one. */
const killPatroni = ofLeader("kill the leader's Patroni", async (cluster, leader, random) => {
  await leader.killPatroni();
  await cluster.leader(leader);
  await delay(random.fraction() * AFTERWARDS_MS);
  leader.startPatroni();
});

/** The node continues long after another one has become the leader. */
const freezeNode = ofLeader('freeze the leader, PostgreSQL and Patroni', async (cluster, leader, random) => {
  leader.freeze();
  await cluster.leader(leader);
  await delay(random.fraction() * AFTERWARDS_MS);
  leader.thaw();
});

/** With patronictl, to the synchronous standby. */
const switchOver = ofLeader('switch over', async (cluster) => cluster.switchOver());

/** All faults of a cluster under Patroni. */
export const PATRONI_FAULTS: readonly Fault[] = [killPostgres, killNode, killPatroni, freezeNode, switchOver];

/** The faults of the short form. */
export const SHORT_PATRONI_FAULTS: readonly Fault[] = [killNode, switchOver];
