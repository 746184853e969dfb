import { dirname, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isTest, read, repositoryFiles } from './repository.ts';

/**
 * The order of a folder's entries, from the top floor to the ground. A file may import from its own
 * entry and from those below it. Add a row to hold the order of another folder; a row judges only the
 * imports between the entries of its own folder.
 */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  'packages/core/src': [
    'index.ts',
    'invariant.ts',
    'system-random.ts',
    'testing',
    'running',
    'storage',
    'logger.ts',
    'random.ts',
    'schedule',
    'audit',
    'auth',
    'rules',
    'item',
    'limits.ts',
    'errors',
    'queue',
    'time',
    'text',
  ],
  'packages/protocol/src': [
    'index.ts',
    'api',
    'convert',
    'messages',
    'binary',
    'json',
    'time',
    'gen',
    'fields',
  ],
  'packages/client/src': [
    'index.ts',
    'opentelemetry.ts',
    'consume.ts',
    'callbacks.ts',
    'ensure-queue.ts',
    'producer',
    'worker',
    'renewal',
    'telemetry',
    'callback-warnings.ts',
    'codec',
    'values',
    'pages.ts',
    'wait-for-task.ts',
    'port',
    'client.ts',
    'thread',
    'discovery',
    'call.ts',
    'endpoint-url.ts',
    'late-fields.ts',
    'local-timeout.ts',
    'read-reply.ts',
    'retry-policy.ts',
    'sleep.ts',
    'keep-process-alive.ts',
    'transport',
    'errors',
  ],
  'packages/outbox/src': [
    'index.ts',
    'adapters',
    'enqueue.ts',
    'install-sql.ts',
    'executor.ts',
    'outbox-item.ts',
    'schema-name.ts',
  ],
  'packages/access/src': [
    'index.ts',
    'access-control.ts',
    'audit',
    'authentication',
    'service',
    'quotas',
    'access-deps.ts',
    'authorization',
    'rules',
    'bootstrap',
    'keys',
  ],
  'packages/router/src': [
    'index.ts',
    'rebalance.ts',
    'dedup-slots.ts',
    'partition-order.ts',
    'placement.ts',
    'affinity.ts',
  ],
  'packages/storage-memory/src': [
    'index.ts',
    'memory-driver.ts',
    'memory-backend.ts',
    'moves',
    'memory-partition-store.ts',
    'partition-parts.ts',
    'produce-keyed.ts',
    'give-back.ts',
    'import-keyed.ts',
    'prepared-letters.ts',
    'import-items.ts',
    'append-items.ts',
    'lease-new-items.ts',
    'lease-items.ts',
    'extend-leases.ts',
    'transfer-items.ts',
    'taken-items.ts',
    'make-due.ts',
    'delete-items.ts',
    'mark-moved.ts',
    'find-items.ts',
    'list-items.ts',
    'entry-state.ts',
    'find-leased.ts',
    'item-ids.ts',
    'memory-queue-store.ts',
    'memory-instance-store.ts',
    'memory-rate-store.ts',
    'memory-schedule-store.ts',
    'memory-task-store.ts',
    'access',
    'audit',
    'sweep-table.ts',
    'item-table.ts',
    'turns.ts',
    'counts.ts',
    'entry.ts',
    'kept-details.ts',
    'deadlines.ts',
    'dedup-keys.ts',
    'byte-order.ts',
    'heap.ts',
    'packed-content.ts',
  ],
  'packages/migration/src': [
    'index.ts',
    'archive',
    'servers',
    'sources',
    'queues',
    'schedules',
    'items',
    'repeat.ts',
  ],
  'packages/storage-conformance/src': [
    'index.ts',
    'bench',
    'describe-storage.ts',
    'contract',
    'processes',
    'model',
    'fixture',
  ],
  'packages/engine/src': [
    'index.ts',
    'service',
    'schedules',
    'tasks',
    'manager',
    'queue',
    'sweep',
    'dead-letters',
    'loops',
    'polling',
    'partition',
    'rules',
    'waiting',
    'instances',
    'rates',
    'sampling',
    'engine-deps.ts',
    'tracer.ts',
    'observer.ts',
  ],
  'packages/storage-postgres/src': [
    'index.ts',
    'postgres-driver.ts',
    'items-tables',
    'postgres-backend.ts',
    'moves',
    'partition-store.ts',
    'queue-store.ts',
    'access',
    'instances',
    'rates',
    'schedules',
    'tasks',
    'audit',
    'outbox',
    'operations',
    'queues',
    'low-water-mark',
    'schema',
    'sql',
    'database',
    'pool',
    'signals',
    'connection',
    'wire',
    'errors',
    'settings',
  ],
  'packages/storage-sqlite/src': [
    'index.ts',
    'sqlite-driver.ts',
    'sqlite-backend.ts',
    'backup',
    'stores',
    'database',
    'thread',
    'schedules',
    'tasks',
    'instances',
    'moves',
    'rates',
    'items',
    'queues',
    'access',
    'audit',
    'file',
    'messages',
    'settings',
  ],
  'apps/console/src': [
    'index.ts',
    'main.tsx',
    'app',
    'screens',
    'charts',
    'payload',
    'parts',
    'api',
    'address',
    'text',
  ],
  'apps/server/src': [
    'main.ts',
    'cli',
    'run-server.ts',
    'index.ts',
    'server.ts',
    'compose.ts',
    'compose-http.ts',
    'server-deps.ts',
    'startup',
    'tracing',
    'http',
    'workers',
    'audit',
    'observability',
    'outbox',
    'config',
    'backends.ts',
    'drivers',
    'capabilities.ts',
    'monotonic-clock.ts',
    'version.ts',
  ],
  'apps/server/src/http': [
    'api-docs',
    'console',
    'node',
    'fetch',
    'handlers',
    'health',
    'session',
    'call',
    'budget',
  ],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

/** The relative imports and re-exports of a file, those of types included. */
function importsOf(file: string): Import[] {
  const specifiers = read(file).matchAll(
    /^(?:import|export|\}).*?\bfrom '(\.[^']+)'|^import '(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm,
  );
  return [...specifiers].map(([, named, bare, dynamic]) => ({
    from: file,
    to: normalize(`${dirname(file)}/${named ?? bare ?? dynamic}`),
  }));
}

/** A circle among these imports, as the path that leads back to its first file. */
function circle(imports: readonly Import[]): readonly string[] | undefined {
  const targets = Map.groupBy(imports, ({ from }) => from);
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): readonly string[] | undefined => {
    const start = path.indexOf(file);
    if (start >= 0) return [...path.slice(start), file];
    if (done.has(file)) return undefined;
    for (const { to } of targets.get(file) ?? []) {
      const found = visit(to, [...path, file]);
      if (found !== undefined) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of targets.keys()) {
    const found = visit(file, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

describe.each(Object.entries(FLOORS))('%s', (folder, floors) => {
  const files = repositoryFiles().filter(
    (name) => name.startsWith(`${folder}/`) && /\.(ts|tsx|mts|js|mjs)$/.test(name) && !isTest(name),
  );
  const entryOf = (file: string) => file.slice(folder.length + 1).split('/')[0] ?? '';
  const imports = files.flatMap(importsOf).filter(({ to }) => to.startsWith(`${folder}/`));

  it('has every entry in one layer, and nothing else', () => {
    expect([...new Set(files.map(entryOf))].sort()).toEqual([...floors].sort());
  });

  it('imports from its own and lower layers only', () => {
    const upwards = imports.filter(
      ({ from, to }) => floors.indexOf(entryOf(to)) < floors.indexOf(entryOf(from)),
    );
    expect(upwards.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  it('has no circle of imports', () => {
    expect(circle(imports)).toBeUndefined();
  });
});
