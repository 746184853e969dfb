import { Redis } from '@querator/tooling-postgres/debian';
import type { JobCommands, JobPlace } from '../job-systems/main.ts';
import type { BossCommands } from '../pg-boss/main.ts';
import { databaseOf, httpSide } from '../testbed/sides.ts';
import type { TestBed } from '../testbed/test-bed.ts';
import { byTurns, rate, rateOf, type Scenario } from './scenario.ts';

/** Produce, lease and complete over HTTP, compared with pg-boss, which Node services use in process. */
function againstPgBoss(batch: number, clients: number): Scenario {
  return {
    name: `pg-boss-${batch}`,
    title: `produce + lease + complete, batch ${batch}, ${clients} clients, against pg-boss in process`,
    async run(bed, options) {
      const boss = await bed.child<BossCommands>('pg-boss', '../pg-boss/main.ts');
      const { connectionString } = databaseOf(await bed.site());
      await boss.call('start', { connectionString, maxConns: bed.options.maxConns });
      const load = { operation: 'cycle', batch, clients } as const;
      const { seconds, payloadBytes } = options;
      const baseline = async () =>
        rateOf(await boss.call('run', { payloadBytes, work: { ...load, seconds } }));
      const subject = await httpSide(bed, { ...options, ...load });
      const ratio = await byTurns(options.runs, baseline, rate(subject));
      return { ...ratio, unit: 'items/s', details: {} };
    },
  };
}

/** Callers, and handlers at a time. */
const CALLERS = 16;

let queues = 0;

/**
 * Producers and workers of a program as a user writes it, in one process: each caller
 * adds the next job when its last one is stored, and handlers do nothing.
 */
function jobsAgainst(system: Exclude<JobPlace['system'], 'querator'>, atLeast?: number): Scenario {
  return {
    name: `jobs-${system}`,
    title: `producer and worker, single jobs, ${CALLERS} callers, with dedup keys, against ${system}`,
    ...(atLeast === undefined ? {} : { atLeast }),
    async run(bed, { runs, seconds, payloadBytes }) {
      const site = await bed.site();
      const flow = { callers: CALLERS, seconds };
      const other = await placeOf(bed, system);
      const ours = { system: 'querator', endpoint: site.server.url } as const;
      const measure = async (place: JobPlace) => {
        const jobs = await bed.child<JobCommands>(`jobs of ${place.system}`, '../job-systems/main.ts');
        const queue = `bench-jobs-${++queues}`;
        if (place.system === 'querator') await site.createQueue(queue);
        return rateOf(await jobs.call('flow', { place, queue, payloadBytes, flow }));
      };
      const ratio = await byTurns(
        runs,
        () => measure(other),
        () => measure(ours),
      );
      return { ...ratio, unit: 'items/s', details: {} };
    },
  };
}

async function placeOf(bed: TestBed, system: Exclude<JobPlace['system'], 'querator'>): Promise<JobPlace> {
  if (system === 'bullmq') return { system, port: (await bed.other('redis', Redis.start)).port };
  const { connectionString } = databaseOf(await bed.site());
  return { system, connectionString, maxConns: bed.options.maxConns };
}

/** Comparison with other job queues: their calls, and the programs that use them. */
export const jobQueueScenarios: readonly Scenario[] = [
  againstPgBoss(1, 16),
  againstPgBoss(1_000, 1),
  jobsAgainst('bullmq', 1.1),
  jobsAgainst('graphile-worker'),
  jobsAgainst('pg-boss'),
];
