import type { CarriedQuota } from '@querator/migration';
import type { Cli } from './cli.ts';

const BECAME: Readonly<Record<CarriedQuota['became'], string>> = {
  set: 'Namespaces whose quotas are set as they were',
  exists: 'Namespaces that have a quota of their own, which stays',
  hidden:
    'Namespaces whose quotas are left out, if they have any, because the permission namespace.list in _system is missing',
  refused:
    'Namespaces whose quotas are not set, because the permissions namespace.list and namespace.update in _system are missing',
  unused: 'Namespaces whose quotas are left out, because the server keeps to none',
  several: 'Namespaces whose quotas are left out, because their queues went into one namespace',
};

/** Tells what became of the quotas of namespaces. */
export function sayQuotas(cli: Cli, quotas: readonly CarriedQuota[]): void {
  for (const [became, text] of Object.entries(BECAME)) {
    const names = quotas.filter((each) => each.became === became).map(({ namespace }) => namespace);
    if (names.length > 0) cli.output.say(`${text}: ${names.join(', ')}`);
  }
}
