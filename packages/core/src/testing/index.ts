export { type Fault, FaultyStorage } from './faulty-storage.ts';
export { ManualClock, ms } from './manual-clock.ts';
export { SeededRandom } from './seeded-random.ts';
