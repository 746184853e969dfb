import { type Mutant, mutant } from './mutant.ts';

const RECOVERY = 'partition/recovery.ts';
const COUNTER = 'partition/partition-counter.ts';
const COUNTS = 'queue/queue-counts.ts';
const GATE = 'waiting/fair-semaphore.ts';
const LANE = 'partition/partition-state.ts';
const DELETION = 'manager/queue-deletion.ts';
const LOCKS = 'manager/name-locks.ts';
const LOOKS = 'manager/shared-refreshes.ts';
const MANAGER = 'manager/queue-manager.ts';

/**
 * What makes an engine slow or stuck, the more there is, and loses nothing: the
 * simulation has too little in its queues to notice, or too few outages. The
 * engine's tests have to.
 */
export const ENGINE_SIZE_MUTANTS: readonly Mutant[] = [
  mutant(
    'a partition comes back into service only when it has been counted',
    RECOVERY,
    'lane.turns.probe(() => lane.store.probe())',
    'lane.turns.probe(async () => void (await lane.store.stats()))',
  ),
  mutant(
    'each who asks has a partition counted anew',
    COUNTER,
    'if (this.#running === undefined) return this.#begin();\n    this.#next',
    'if (this.#running !== null) return this.#begin();\n    this.#next',
  ),
  mutant(
    'a count that takes long is repeated for each who asks',
    COUNTER,
    'if (this.#tookMs <= this.#freshMs) return true;',
    'if (this.#tookMs >= 0) return true;',
  ),
  mutant(
    'an old count is told however old it is',
    COUNTER,
    '<= maxAgeMs ? last : undefined',
    '<= maxAgeMs ? last : last',
  ),
  mutant('a count goes on after the engine has stopped', COUNTER, 'this.#ending.abort();', ''),
  mutant(
    'a count undoes what came in while it was made',
    LANE,
    'Math.max(waiting + this.#waiting - before.waiting, 0)',
    'waiting',
  ),
  mutant(
    'the age of the youngest count is told',
    COUNTS,
    'Math.max(most, value), 0',
    'Math.min(most, value), 0',
  ),
  mutant(
    'a queue with many calls has its turn until they are done',
    GATE,
    'this.#waiting.delete(who);\n    if (entries.length > 0) this.#waiting.set(who, entries);',
    'if (entries.length === 0) this.#waiting.delete(who);',
  ),
  mutant('any number of calls passes a gate', GATE, 'this.#underWay >= this.#limit', 'this.#underWay < 0'),
  mutant('a queue may be taken up while it is deleted', MANAGER, 'this.#ending.add(name);', ''),
  mutant(
    'a thousand partitions are tried on a storage that is down',
    DELETION,
    'failures >= MOST_FAILURES',
    'failures < 0',
  ),
  mutant(
    'a change goes ahead of an earlier one once one between them has left',
    LOCKS,
    'void earlier.then(() => {\n        for',
    'void Promise.resolve().then(() => {\n        for',
  ),
  mutant(
    'while storage is down each who asks has a look of their own',
    LOOKS,
    'cameToAnEnd ? this.#begin(name) : false',
    'this.#begin(name)',
  ),
  mutant(
    'a look that began before a call answers it',
    LOOKS,
    'if (running === undefined) return this.#begin(name);',
    'return running ?? this.#begin(name);',
  ),
  mutant(
    'requests that waited for a queue come behind later ones',
    'manager/activation-queue.ts',
    'if (line === undefined || line.attempt !== undefined) return;',
    'if (name !== undefined) return;',
  ),
];
