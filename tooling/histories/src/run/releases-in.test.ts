import { expect, test } from 'vitest';
import { releasesIn } from './releases-in.ts';

const HEAD = [
  '# HELP querator_items_total Items by what became of them',
  '# TYPE querator_items_total counter',
];
const metrics = (...lines: readonly string[]) => ['up 1', ...HEAD, ...lines, ''].join('\n');
const leased = 'querator_items_total{queue="q",event="leased"} 40';

test.each<[string, string, number | undefined]>([
  ['of the queue', metrics(leased, 'querator_items_total{queue="q",event="released"} 33'), 33],
  ['of no other one', metrics(leased, 'querator_items_total{queue="p",event="released"} 33'), 0],
  ['none where other things happened', metrics(leased), 0],
  ['none where nothing happened yet', metrics(), 0],
  ['unknown where it is not counted', 'up 1\n', undefined],
  [
    'unknown where it is counted otherwise',
    metrics('querator_items_total{name="q",what="leased"} 40'),
    undefined,
  ],
])('finds the released items: %s', (_, text, released) => expect(releasesIn(text, 'q')).toBe(released));
