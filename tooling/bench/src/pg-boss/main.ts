import { PgBoss } from 'pg-boss';
import { answerOrders } from '../processes/answer-orders.ts';
import { runWork } from '../workload/run-work.ts';
import type { Outcome, Work } from '../workload/work.ts';
import { BossTarget } from './boss-target.ts';

/** The database of pg-boss. */
export interface BossSetup {
  readonly connectionString: string;
  readonly maxConns: number;
}

/** The work. */
export interface BossOrder {
  readonly payloadBytes: number;
  readonly work: Work;
}

let boss: PgBoss | undefined;
let queues = 0;

const commands = {
  async start({ connectionString, maxConns }: BossSetup): Promise<void> {
    if (boss !== undefined) return;
    // Its maintenance is off, since it is not part of the measurement.
    boss = new PgBoss({ connectionString, max: maxConns, supervise: false, schedule: false });
    boss.on('error', (error) => process.stderr.write(`pg-boss: ${error}\n`));
    await boss.start();
  },

  /** Does the work on a new queue. */
  async run({ payloadBytes, work }: BossOrder): Promise<Outcome> {
    if (boss === undefined) throw new Error('pg-boss was not started');
    const queue = `bench-${++queues}`;
    await boss.createQueue(queue);
    try {
      return await runWork(new BossTarget(boss, { queue, payloadBytes, batch: work.batch }), work);
    } finally {
      await boss.deleteQueue(queue);
    }
  },
};

/** The commands of the process that uses pg-boss. */
export type BossCommands = typeof commands;

answerOrders(commands);
