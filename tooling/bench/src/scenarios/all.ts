import { clientScenarios } from './client.ts';
import { handoverScenario } from './handover.ts';
import { heldLeases } from './held-leases.ts';
import { jobQueueScenarios } from './job-queues.ts';
import { memoryPerConsumer, memoryPerItem } from './memory-cost.ts';
import { mixScenario } from './mix.ts';
import { rateScenarios } from './rate-scenarios.ts';
import type { Scenario } from './scenario.ts';
import { sizeScenarios } from './size.ts';
import { storageScenarios } from './storages.ts';
import { tracedScenarios } from './traced.ts';

/** Every row of the table of ratios. */
const scenarios: readonly Scenario[] = [
  ...rateScenarios,
  mixScenario,
  handoverScenario,
  memoryPerItem,
  memoryPerConsumer,
  ...sizeScenarios,
  heldLeases,
  ...clientScenarios,
  ...jobQueueScenarios,
  ...storageScenarios,
  ...tracedScenarios,
];

/**
 * The selected rows in their order: by name, or by a prefix of several names.
 *
 * @param wanted empty: all rows.
 * @throws Error that names an unknown row.
 */
export function chooseScenarios(wanted: readonly string[]): readonly Scenario[] {
  if (wanted.length === 0) return scenarios;
  const chosen = wanted.flatMap((text) => {
    const exact = scenarios.filter(({ name }) => name === text);
    const found = exact.length > 0 ? exact : scenarios.filter(({ name }) => name.startsWith(text));
    if (found.length === 0) throw new Error(`no row is named ${text}; --list names them all`);
    return found;
  });
  return scenarios.filter((scenario) => chosen.includes(scenario));
}
