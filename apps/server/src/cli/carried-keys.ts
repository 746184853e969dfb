import type { KeyCounts, KeysLeftOut } from '@querator/migration';
import type { Cli } from './cli.ts';

const WHY: Readonly<Record<KeysLeftOut, string>> = {
  hidden: 'because the permission queue.complete is missing',
  unsupported: 'because the server is of an earlier version',
};

/** Tells what became of the dedup keys of queues, by their names. Says nothing if there are none. */
export function sayKeys(cli: Cli, queues: Iterable<readonly [queue: string, keys: KeyCounts]>): void {
  const all = [...queues];
  const stored = all.reduce((sum, [, keys]) => sum + keys.stored, 0);
  const present = all.reduce((sum, [, keys]) => sum + keys.present, 0);
  if (stored + present > 0) {
    cli.output.say(`Stored ${stored} dedup key(s); ${present} were there already, or have ended`);
  }
  sayKeysLeftOut(
    cli,
    all.flatMap(([queue, { leftOut }]) => (leftOut === undefined ? [] : [[queue, leftOut] as const])),
  );
}

type Reasons = readonly (readonly [queue: string, reason: KeysLeftOut])[];

/** Names the queues whose dedup keys are left out. */
export function sayKeysLeftOut(cli: Cli, queues: Reasons): void {
  sayWhy(cli, queues, 'left out');
}

/** Names the queues whose dedup keys are not compared. */
export function sayKeysNotCompared(cli: Cli, queues: Reasons): void {
  sayWhy(cli, queues, 'not compared');
}

function sayWhy(cli: Cli, queues: Reasons, what: string): void {
  for (const [reason, why] of Object.entries(WHY)) {
    const names = queues.filter(([, its]) => its === reason).map(([queue]) => queue);
    if (names.length > 0) cli.output.say(`Queues whose dedup keys are ${what}, ${why}: ${names.join(', ')}`);
  }
}
