import type { TargetQueue } from '@querator/migration';
import type { Cli } from './cli.ts';

/** Tells which queues are paused as they were where they came from. */
export function sayPauses(
  cli: Cli,
  queues: Iterable<Pick<TargetQueue, 'paused'> & { readonly queue: string }>,
): void {
  for (const { queue, paused } of queues) {
    if (paused === undefined) continue;
    cli.output.say(
      `Queue '${queue}' is paused as it was (${paused.join(', ')}); 'querator resume ${queue}' ends that`,
    );
  }
}
