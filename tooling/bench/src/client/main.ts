import { answerOrders } from '../processes/answer-orders.ts';
import { closedLoop } from '../workload/closed-loop.ts';
import { runWork } from '../workload/run-work.ts';
import type { Outcome, Work } from '../workload/work.ts';
import { BareCalls } from './bare-calls.ts';
import { ClientTarget, type ClientTargetOptions } from './client-target.ts';

/** What the client calls, and how. */
export interface ClientOrder {
  readonly target: ClientTargetOptions;
  readonly work: Work;
}

const commands = {
  /** The work by the client package. */
  run: ({ target, work }: ClientOrder): Promise<Outcome> =>
    runWork(new ClientTarget(target, work.batch), work),

  /** The bare calls of the work by Node's HTTP client. */
  async runBare({ target, work }: ClientOrder): Promise<Outcome> {
    const calls = new BareCalls(target);
    const step = async () => {
      await calls.call();
      return 1;
    };
    try {
      return await closedLoop(
        Array.from({ length: work.clients }, () => step),
        work.seconds,
      );
    } finally {
      calls.close();
    }
  },
};

/** The commands of a process that uses the client package. */
export type ClientCommands = typeof commands;

answerOrders(commands);
