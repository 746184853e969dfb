import type { Sample } from './samples.ts';

/** The figures that must not grow, how to read them, and their noise. */
const WATCHED: readonly (readonly [name: string, read: (sample: Sample) => number, noise: number])[] = [
  ['table bytes', (sample) => sample.tableBytes, 1_048_576],
  ['index bytes', (sample) => sample.indexBytes, 1_048_576],
  ['TOAST bytes', (sample) => sample.toastBytes, 1_048_576],
  ['dead rows', (sample) => sample.deadRows, 5_000],
];
/** Means are compared, since a checkpoint at any time makes the next change of each page more expensive. */
const WAL_NOISE_BYTES = 200;
const TOLERANCE = 1.25;

/**
 * Compares the first half of the samples after the warm-up with the second.
 *
 * @returns a sentence for each figure that grew.
 */
export function growthIn(samples: readonly Sample[], warmUpSeconds: number): readonly string[] {
  const steady = samples.filter(({ seconds }) => seconds > warmUpSeconds);
  if (steady.length < 4) return [`only ${steady.length} samples after the warm-up: too few to tell`];
  const [before, after] = [steady.slice(0, steady.length / 2), steady.slice(steady.length / 2)];
  const faults: string[] = [];
  for (const [name, read, noise] of WATCHED) {
    const [was, is] = [Math.max(...before.map(read)), Math.max(...after.map(read))];
    if (is > was * TOLERANCE + noise) faults.push(`${name} grew from at most ${was} to ${is}`);
  }
  const wal = (part: readonly Sample[]) =>
    part.reduce((sum, { walBytesPerItem }) => sum + walBytesPerItem, 0) / part.length;
  if (wal(after) > wal(before) * TOLERANCE + WAL_NOISE_BYTES) {
    faults.push(`WAL bytes per item grew from ${wal(before).toFixed(0)} to ${wal(after).toFixed(0)}`);
  }
  if (after.every(({ itemsPerSecond }) => itemsPerSecond === 0))
    faults.push('no item was completed any more');
  return faults;
}
