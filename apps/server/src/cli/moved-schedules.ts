import type { MovedSchedule } from '@querator/migration';
import type { Cli } from './cli.ts';

const BECAME: Readonly<Record<MovedSchedule['became'], string>> = {
  active: 'Schedules that fire at the second server now, and are paused at the first one',
  paused: 'Schedules that are paused at the second server too',
  waits:
    'Schedules that stay at the first server until nothing is left of their queues, and the command is run again',
  exists: 'Schedules that both servers had, and that both fire unless one is paused',
  hidden:
    'Queues whose schedules were not moved, because the permission queue.update is missing at the first server',
};

/** Tells what became of schedules. */
export function saySchedules(cli: Cli, schedules: readonly MovedSchedule[]): void {
  for (const [became, text] of Object.entries(BECAME)) {
    const names = schedules.filter((each) => each.became === became).map(({ name, queue }) => name || queue);
    if (names.length > 0) cli.output.say(`${text}: ${names.join(', ')}`);
  }
}
