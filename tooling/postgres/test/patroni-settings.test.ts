import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { haproxySettings, patroniSettings } from '../src/patroni/patroni-settings.ts';

const PAGE = readFileSync(new URL('../../../docs/storage/high-availability.md', import.meta.url), 'utf8');
const places = ['db-1', 'db-2', 'db-3'].map((name) => ({
  ...{ name, folder: '/nowhere', port: 5432, restPort: 8008 },
}));
const shared = { etcdPort: 2379, programs: '/bin', user: 'postgres', password: 'secret' };

test('the HAProxy configuration of the tests is that of the documentation', () => {
  const documented = /```\n(listen primary\n[^`]*)```/.exec(PAGE)?.[1];
  // In the documentation each node has its own machine.
  const tested = haproxySettings(5000, places).replaceAll(/(server (db-\d)) 127\.0\.0\.1/g, '$1 $2');
  expect(tested).toContain(documented);
});

test('the Patroni configuration of the tests is that of the documentation', () => {
  const [place] = places;
  if (place === undefined) throw new Error('there is a place');
  const { dcs } = patroniSettings(place, shared).bootstrap;
  const documented = /```yaml\n(bootstrap:\n[^`]*)```/.exec(PAGE)?.[1] ?? '';
  const settings = [...documented.matchAll(/^\s+(\w+): "?(\w+)"?/gm)].map(([, name, value]) => [name, value]);
  expect(settings).toHaveLength(7);
  const tested: Record<string, unknown> = { ...dcs, ...dcs.postgresql, ...dcs.postgresql.parameters };
  for (const [name, value] of settings) expect([name, String(tested[name as string])]).toEqual([name, value]);
  expect(dcs.loop_wait + 2 * dcs.retry_timeout).toBeLessThanOrEqual(dcs.ttl);
});
