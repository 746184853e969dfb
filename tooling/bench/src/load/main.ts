import { answerOrders } from '../processes/answer-orders.ts';
import { clientsIn } from '../workload/mix.ts';
import { runWork } from '../workload/run-work.ts';
import type { Outcome, Work } from '../workload/work.ts';
import { measureHandover } from './handover.ts';
import { HttpTarget, type HttpTargetOptions } from './http-target.ts';
import { WaitingConsumers } from './waiting-consumers.ts';

/** What the load generator does over HTTP. */
export interface LoadOrder {
  readonly target: Omit<HttpTargetOptions, 'batch' | 'clients'>;
  readonly work: Work;
}

const consumers = new WaitingConsumers();

const commands = {
  async run({ target: options, work }: LoadOrder): Promise<Outcome> {
    const target = await HttpTarget.open({ ...options, batch: work.batch, clients: clientsIn(work) });
    try {
      return await runWork(target, work);
    } finally {
      target.close();
    }
  },

  handover: measureHandover,

  wait: (options: HttpTargetOptions): Promise<void> => consumers.wait(options),

  async leave(_: null): Promise<void> {
    consumers.leave();
  },
};

/** The load generator's orders. */
export type LoadCommands = typeof commands;

answerOrders(commands);
