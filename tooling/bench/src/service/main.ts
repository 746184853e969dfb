import { SystemClock, SystemRandom } from '@querator/core';
import { createService, type Service } from '@querator/engine';
import { PoolRegistry, postgresBackend } from '@querator/storage-postgres';
import { ITEMS_STORAGE } from '@querator/tooling-processes';
import { answerOrders } from '../processes/answer-orders.ts';
import { runWork } from '../workload/run-work.ts';
import type { Outcome, Work } from '../workload/work.ts';
import { ServiceTarget, type ServiceTargetOptions } from './service-target.ts';

/** The database of the service. */
export interface ServiceSetup {
  readonly connectionString: string;
  readonly maxConns: number;
}

/** The queue, and the content of its items. */
export interface ServiceOrder {
  readonly target: Omit<ServiceTargetOptions, 'batch'>;
  readonly work: Work;
}

let service: Service | undefined;

const commands = {
  async start({ connectionString, maxConns }: ServiceSetup): Promise<void> {
    if (service !== undefined) return;
    const random = new SystemRandom();
    const registry = new PoolRegistry();
    const backend = postgresBackend({ name: ITEMS_STORAGE, connectionString, maxConns, registry, random });
    service = createService({
      ...{ clock: new SystemClock(), random },
      ...{
        queueStore: backend.queueStore(),
        queueSignals: backend.signals,
        storages: [{ backend, affinity: 1 }],
      },
    });
  },

  async reload(queueName: string): Promise<void> {
    await running().queue.reload(queueName);
  },

  run({ target: options, work }: ServiceOrder): Promise<Outcome> {
    return runWork(new ServiceTarget(running(), { ...options, batch: work.batch }), work);
  },
};

function running(): Service {
  if (service === undefined) throw new Error('the service was not started');
  return service;
}

/** The commands of the process with the service. */
export type ServiceCommands = typeof commands;

answerOrders(commands);
