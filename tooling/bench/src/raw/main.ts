import pg from 'pg';
import { answerOrders } from '../processes/answer-orders.ts';
import { runWork } from '../workload/run-work.ts';
import type { Outcome, Work } from '../workload/work.ts';
import { RawTarget, type RawTargetOptions } from './raw-target.ts';

/** The work of one bare connection. */
export interface RawOrder {
  readonly connectionString: string;
  readonly target: Omit<RawTargetOptions, 'batch'>;
  readonly work: Work;
}

const commands = {
  async run({ connectionString, target: options, work }: RawOrder): Promise<Outcome> {
    const client = new pg.Client({ connectionString, application_name: 'querator-bench-raw' });
    await client.connect();
    try {
      const target = new RawTarget(client, { ...options, batch: work.batch });
      return await runWork(target, { ...work, clients: 1 });
    } finally {
      await client.end();
    }
  },
};

/** The commands of the process with the bare connection. */
export type RawCommands = typeof commands;

answerOrders(commands);
