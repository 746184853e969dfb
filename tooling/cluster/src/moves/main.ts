/**
 * The judgement of moves between storages: a partition with 1,000,000 items moves ten times between two PostgreSQL
 * servers, to and fro, while producers and consumers work, and servers are killed with SIGKILL at random moments. Then
 * everything is consumed. It fails if an item was lost, doubled or out of order, or if consumers saw a longer pause
 * than docs/scaling.md says.
 *
 *   node --conditions=@querator/source tooling/cluster/src/moves/main.ts [--items N] [--moves N] [--seed N] [--short]
 *
 * `--short` is for CI: fewer items and moves. It judges no pauses, since CI runs other work at the same time.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { SeededRandom } from '@querator/core/testing';
import { Load } from '@querator/tooling-load';
import { ITEMS_STORAGE } from '@querator/tooling-processes';
import { Filler } from './filler.ts';
import { longestPauses } from './pauses.ts';
import { RandomKills } from './random-kills.ts';
import { otherStorage, type StorageName, TwoStorages } from './two-storages.ts';

const { values: options } = parseArgs({
  options: {
    items: { type: 'string' },
    moves: { type: 'string' },
    seed: { type: 'string' },
    short: { type: 'boolean', default: false },
  },
});
const ITEMS = Number(options.items ?? (options.short ? 20_000 : 1_000_000));
const MOVES = Number(options.moves ?? (options.short ? 3 : 10));
const SEED = Number(options.seed ?? Math.floor(Math.random() * 2 ** 31));
/** The average time between two kills: one or some in each move. */
const KILL_EVERY_MS = Math.max(4_000, (ITEMS / 1_000_000) * 40_000);
/** The longest time that a move may take, with all interruptions, on a machine that does much else. */
const MOVE_LIMIT_MS = 120_000 + (ITEMS / 1_000_000) * 3_000_000;
/** The longest pause that a consumer may see, beyond that of a queue that does not move. */
const PAUSE_MS = 1_000;
/** The same if a server is killed, perhaps in the middle of the switch: until another one takes the task over. */
const KILLED_PAUSE_MS = 15_000;

const MOVING = 'moving';
const STILL = 'still';
const SETBACKS = { retry: 0.05, later: 0.05, abandon: 0.02 };
const SETTINGS = { requested_partitions: 1, lease_timeout: '10s' };

const say = (line: string) => process.stdout.write(`${line}\n`);
const seconds = (milliseconds: number) => `${(milliseconds / 1_000).toFixed(2)} s`;
const count = (items: number) => items.toLocaleString('en');

/** Prints a result. A missed one makes the program fail. */
function judge(what: string, value: string, isGood: boolean): void {
  say(`${isGood ? 'ok  ' : 'MISS'} ${what}: ${value}`);
  if (!isGood) process.exitCode = 1;
}

const random = new SeededRandom(SEED);
say(`seed ${SEED}`);
const storages = await TwoStorages.start();
try {
  const load = new Load(storages.loaded, {
    ...{ seed: SEED, scheduled: 0.1, serversEnd: true, severalDatabases: true, pauseMs: 40 },
    queues: [
      { name: MOVING, produce: 8, lease: 8, setbacks: SETBACKS, settings: SETTINGS, ascending: true },
      { name: STILL, produce: 8, lease: 8, setbacks: SETBACKS, settings: SETTINGS },
    ],
  });
  await load.createQueues();
  const filler = new Filler(load, storages.loaded, MOVING);
  await filler.add(ITEMS);
  load.start(1);
  let at: StorageName = ITEMS_STORAGE;
  for (let move = 1; move <= MOVES; move++) {
    const rows = await storages.rows(MOVING, at);
    await filler.add(ITEMS - rows);
    await load.more(10);
    const from = at;
    const to = otherStorage(from);
    const started = performance.now();
    const kills = new RandomKills({
      ...{ servers: storages.servers, random, averageMs: KILL_EVERY_MS },
      // Random moments rarely meet the switch, so every other move aims at it.
      isClosed: move % 2 === 0 ? () => storages.isClosed(MOVING, from) : undefined,
    });
    await storages.move(MOVING, to, MOVE_LIMIT_MS);
    const took = performance.now() - started;
    const killed = await kills.stop();
    await load.more(10);
    at = to;
    const what = `move ${move} to '${to}'`;
    const moving = longestPauses(load.successes.gaps('complete', MOVING, started), killed);
    const still = longestPauses(load.successes.gaps('complete', STILL, started), killed);
    const atSwitch = killed.some(({ whileClosed }) => whileClosed) ? ', one at the switch' : '';
    say(
      `     ${what}: ${count(Math.max(rows, ITEMS))} items in ${seconds(took)}, kills: ${killed.length}${atSwitch}`,
    );
    judge(
      'longest pause without a kill',
      `${seconds(moving.calm)}; of a queue that stays ${seconds(still.calm)}`,
      options.short || moving.calm < still.calm + PAUSE_MS,
    );
    judge(
      'longest pause with a kill',
      `${seconds(moving.killed)}; of a queue that stays ${seconds(still.killed)}`,
      options.short || moving.killed < still.killed + KILLED_PAUSE_MS,
    );
    const left = await storages.rows(MOVING, from);
    judge('items left at the source', count(left), left === 0);
  }
  await load.settle({ lease: 1_000 });
  const { ledger } = load;
  const faults = ledger.faults();
  for (const fault of faults.slice(0, 20)) say(`     ${fault}`);
  judge(
    'items lost, doubled or out of order',
    `${count(faults.length)} of ${count(ledger.acknowledged)} that were acknowledged, in ${count(ledger.deliveries)} deliveries`,
    faults.length === 0,
  );
  const left =
    (await storages.rows(MOVING, ITEMS_STORAGE)) + (await storages.rows(MOVING, otherStorage(ITEMS_STORAGE)));
  judge('items left in the tables', count(left), left === 0);
} finally {
  await storages.stop();
}
