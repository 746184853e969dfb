import { answerOrders } from '../processes/answer-orders.ts';
import { clientsIn } from '../workload/mix.ts';
import { runWork } from '../workload/run-work.ts';
import { together } from '../workload/together.ts';
import type { Outcome, Work } from '../workload/work.ts';
import { measureHandover } from './handover.ts';
import { HttpTarget, type HttpTargetOptions } from './http-target.ts';
import { WaitingConsumers } from './waiting-consumers.ts';

/** One load over HTTP. */
export interface LoadOrder {
  readonly target: Omit<HttpTargetOptions, 'batch' | 'clients'>;
  readonly work: Work;
}

/** The same work on many queues at once. */
export interface QueuesOrder {
  readonly target: Omit<HttpTargetOptions, 'queue' | 'batch' | 'clients'>;
  readonly queues: readonly string[];
  readonly work: Omit<Work, 'clients'>;
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

  /** One client on each of the queues. The figures are their sum. */
  async runOnQueues({ target, queues, work }: QueuesOrder): Promise<Outcome> {
    const one = { ...work, clients: 1 };
    const open = (queue: string) => HttpTarget.open({ ...target, queue, batch: work.batch, clients: 1 });
    const targets = await Promise.all(queues.map(open));
    try {
      return together(await Promise.all(targets.map((each) => runWork(each, one))));
    } finally {
      for (const each of targets) each.close();
    }
  },

  handover: measureHandover,

  wait: (options: HttpTargetOptions): Promise<void> => consumers.wait(options),

  async leave(_: null): Promise<void> {
    consumers.leave();
  },
};

/** The commands of the load generator. */
export type LoadCommands = typeof commands;

answerOrders(commands);
