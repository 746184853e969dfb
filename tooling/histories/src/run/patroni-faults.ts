import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '@querator/core/testing';
import type { PatroniCluster, PatroniNode } from '@querator/tooling-postgres/debian';
import type { Fault, RunUnderTest } from './faults.ts';

/** How long a node stays as it is after another one leads, at most. */
const AFTERWARDS_MS = 3_000;

type Strike = (cluster: PatroniCluster, leader: PatroniNode, random: SeededRandom) => Promise<void>;

/** A fault of the node that leads. It is mended when all nodes are up again and one standby is synchronous. */
function ofLeader(name: string, strike: Strike): Fault {
  return {
    name,
    async strike({ database, random }: RunUnderTest) {
      const { patroni } = database;
      if (patroni === undefined) throw new Error('the database is not under Patroni');
      await strike(patroni, await patroni.leader(), random);
      await patroni.settled();
    },
  };
}

/** Patroni starts it again, or has a standby promoted. */
const killPostgres = ofLeader("kill the leader's PostgreSQL", async (_, leader) => leader.killPostgres());

/** As when the machine is lost: its lock has to run out. It comes back as a standby. */
const killNode = ofLeader('kill the leader, PostgreSQL and Patroni', async (cluster, leader, random) => {
  await leader.killPatroni();
  await leader.killPostgres();
  await cluster.leader(leader);
  await delay(random.fraction() * AFTERWARDS_MS);
  leader.startPatroni();
});

/** PostgreSQL goes on as a primary that nobody looks after, beside the one that is promoted. */
const killPatroni = ofLeader("kill the leader's Patroni", async (cluster, leader, random) => {
  await leader.killPatroni();
  await cluster.leader(leader);
  await delay(random.fraction() * AFTERWARDS_MS);
  leader.startPatroni();
});

/** It goes on where it stopped, when another one has long been the leader. */
const freezeNode = ofLeader('freeze the leader, PostgreSQL and Patroni', async (cluster, leader, random) => {
  leader.freeze();
  await cluster.leader(leader);
  await delay(random.fraction() * AFTERWARDS_MS);
  leader.thaw();
});

/** With patronictl, to the synchronous standby. */
const switchOver = ofLeader('switch over', async (cluster) => cluster.switchOver());

/** All that is tried on a cluster under Patroni. */
export const PATRONI_FAULTS: readonly Fault[] = [killPostgres, killNode, killPatroni, freezeNode, switchOver];

/** What CI has the time for. */
export const SHORT_PATRONI_FAULTS: readonly Fault[] = [killNode, switchOver];
