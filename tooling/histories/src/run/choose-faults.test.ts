import { expect, test } from 'vitest';
import { firstSeed, formOf } from '../forms.ts';
import { chooseFaults } from './choose-faults.ts';
import { FAULTS, failOver } from './faults.ts';

const namesOf = (...args: Parameters<typeof chooseFaults>) => chooseFaults(...args).map(({ name }) => name);
const allNames = FAULTS.map(({ name }) => name).sort();
/** The faults of a `run` with a random first seed. */
const runsOf = (short: boolean, failover: boolean, chance: number) => {
  const { seeds, faults, failovers } = formOf({ short, failover });
  const certain = Array.from({ length: failovers }, () => failOver);
  return Array.from({ length: seeds }, (_, n) => namesOf(firstSeed(chance) + n, faults, FAULTS, certain));
};
const chances = Array.from({ length: 50 }, (_, n) => n / 50 + 0.003);

test('the short form has every fault once, whatever its first seed', () => {
  for (const chance of chances) expect(runsOf(true, false, chance).flat().sort()).toEqual(allNames);
});

test('the short form with failover has one failover and two other faults', () => {
  for (const chance of chances) {
    const [run = []] = runsOf(true, true, chance);
    expect(run.filter((name) => name === failOver.name)).toHaveLength(1);
    expect(run).toHaveLength(3);
  }
});

test('each run of the long form has every fault, and some of them twice', () => {
  for (const run of runsOf(false, false, 0.4)) expect([...new Set(run)].sort()).toEqual(allNames);
});

test('each run of the long form with failover has two, at random places', () => {
  const places = chances.flatMap((chance) =>
    runsOf(false, true, chance).map((run) => {
      expect(run.filter((name) => name === failOver.name)).toHaveLength(2);
      return run.indexOf(failOver.name);
    }),
  );
  expect(new Set(places).size).toBeGreaterThan(4);
});

test('the seed alone determines the faults, and different seeds have different orders', () => {
  expect(namesOf(7, 6, FAULTS)).toEqual(namesOf(7, 6, FAULTS));
  const orders = Array.from({ length: 20 }, (_, n) => namesOf(n, 6, FAULTS).join());
  expect(new Set(orders).size).toBeGreaterThan(15);
});
