import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './list/mutant.ts';
import { parseMutants } from './list/parse-mutants.ts';

/** A mutated package, and Vitest's arguments for the tests that have to fail. */
interface Target {
  readonly package: string;
  readonly suite: readonly string[];
}

const tests = (...names: readonly string[]) => names.map((name) => `test/${name}.test.ts`);

/** By subject. Each has its list: `lists/SUBJECT.mutants`. */
const TARGETS = {
  memory: { package: 'storage-memory', suite: tests('conformance') },
  postgres: { package: 'storage-postgres', suite: tests('conformance') },
  sqlite: { package: 'storage-sqlite', suite: tests('conformance') },
  'postgres-marks': { package: 'storage-postgres', suite: ['test/low-water-mark'] },
  'postgres-outbox': { package: 'storage-postgres', suite: tests('outbox', 'outbox-marks') },
  'postgres-signals': { package: 'storage-postgres', suite: tests('unmarked-peers') },
  engine: {
    package: 'engine',
    suite: [...tests('simulation/simulation'), '-t', 'breaks no rule'],
  },
  'engine-callers': {
    package: 'engine',
    suite: tests('callers-asked', 'item-budget', 'produce'),
  },
  'engine-instances': { package: 'engine', suite: tests('live-instances') },
  'engine-keys': { package: 'engine', suite: tests('keyed-produce', 'keyed-and-lease') },
  'engine-movers': {
    package: 'engine',
    suite: tests('dead-letters', 'several-movers', 'several-processes', 'empty-deletion'),
  },
  'engine-moves': { package: 'engine', suite: tests('tasks/move-partition') },
  'engine-placing': { package: 'engine', suite: tests('tasks/drain', 'tasks/rebalance') },
  'engine-resizes': {
    package: 'engine',
    suite: tests(
      'tasks/resize-queue',
      'tasks/resize-to-fewer',
      'tasks/letters-to-fewer',
      'tasks/resize-moves-items',
    ),
  },
  'engine-schedules': {
    package: 'engine',
    suite: ['test/schedules'],
  },
  'engine-size': {
    package: 'engine',
    suite: [
      ...tests('health', 'counts', 'many-partitions', 'outage', 'activation'),
      'fair-semaphore.test.ts',
    ],
  },
  'engine-transfers': {
    package: 'engine',
    suite: tests('tasks/transfer-items', 'tasks/transfer-across', 'tasks/transfer-scheduled'),
  },
  'engine-waits': { package: 'engine', suite: tests('pauses', 'lease-options') },
} satisfies Record<string, Target>;

export type Subject = keyof typeof TARGETS;
export const SUBJECTS = Object.keys(TARGETS) as Subject[];

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The folder of the subject's package in the working tree. It is only read. */
export function packageOf(subject: Subject): string {
  return join(at('../../../packages'), TARGETS[subject].package);
}

/** Vitest's arguments for the tests that have to fail. */
export function suiteOf(subject: Subject): readonly string[] {
  return TARGETS[subject].suite;
}

export function mutantsOf(subject: Subject): readonly Mutant[] {
  return parseMutants(readFileSync(at(`../lists/${subject}.mutants`), 'utf8'));
}
