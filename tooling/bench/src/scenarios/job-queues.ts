import type { BossCommands } from '../pg-boss/main.ts';
import { databaseOf, httpSide } from '../testbed/sides.ts';
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

/** Comparison with other job queues, in the two usual shapes. */
export const jobQueueScenarios: readonly Scenario[] = [againstPgBoss(1, 16), againstPgBoss(1_000, 1)];
