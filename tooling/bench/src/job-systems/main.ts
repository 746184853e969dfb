import { answerOrders } from '../processes/answer-orders.ts';
import type { Outcome } from '../workload/work.ts';
import { BossJobs } from './boss-jobs.ts';
import { BullJobs } from './bull-jobs.ts';
import { GraphileJobs } from './graphile-jobs.ts';
import type { JobSystem } from './job-system.ts';
import { QueratorJobs } from './querator-jobs.ts';
import { type JobFlow, type JobPile, runFlow, runPile } from './run-jobs.ts';

/** The job system of a measurement, and where it keeps its jobs. */
export type JobPlace =
  | { readonly system: 'querator'; readonly endpoint: string }
  | {
      readonly system: 'pg-boss' | 'graphile-worker';
      readonly connectionString: string;
      readonly maxConns: number;
    }
  | { readonly system: 'bullmq'; readonly port: number };

/** A queue at a place, which exists where the system needs that. */
export interface JobQueue {
  readonly place: JobPlace;
  readonly queue: string;
  readonly payloadBytes: number;
}

const commands = {
  /** Adds and handles jobs side by side. */
  flow: ({ flow, ...queue }: JobQueue & { readonly flow: JobFlow }): Promise<Outcome> =>
    withSystem(queue, (system) => runFlow(system, flow)),

  /** Handles jobs that wait. */
  pile: ({ pile, ...queue }: JobQueue & { readonly pile: JobPile }): Promise<Outcome> =>
    withSystem(queue, (system) => runPile(system, pile)),
};

async function withSystem(queue: JobQueue, run: (system: JobSystem) => Promise<Outcome>): Promise<Outcome> {
  const system = await start(queue);
  try {
    return await run(system);
  } finally {
    await system.close();
  }
}

async function start({ place, queue, payloadBytes }: JobQueue): Promise<JobSystem> {
  switch (place.system) {
    case 'querator':
      return new QueratorJobs(place.endpoint, { queue, payloadBytes });
    case 'bullmq':
      return new BullJobs(place.port, { queue, payloadBytes });
    case 'pg-boss':
      return BossJobs.start(place.connectionString, { queue, payloadBytes, maxConns: place.maxConns });
    case 'graphile-worker':
      return GraphileJobs.start(place.connectionString, { queue, payloadBytes, maxConns: place.maxConns });
  }
}

/** The commands of a process with producers and workers. */
export type JobCommands = typeof commands;

answerOrders(commands);
