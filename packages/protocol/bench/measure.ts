const WARM_UP = 300;
const SAMPLES = 21;
const RUNS_PER_SAMPLE = 20;

/** Prints the median and the best time of a call, in milliseconds. */
export function measure(name: string, call: () => unknown): void {
  for (let i = 0; i < WARM_UP; i++) call();
  const samples: number[] = [];
  for (let s = 0; s < SAMPLES; s++) {
    const start = performance.now();
    for (let i = 0; i < RUNS_PER_SAMPLE; i++) call();
    samples.push((performance.now() - start) / RUNS_PER_SAMPLE);
  }
  samples.sort((a, b) => a - b);
  const median = samples[SAMPLES >> 1] ?? 0;
  process.stdout.write(
    `${name.padEnd(44)} ${median.toFixed(3)} ms  (best ${(samples[0] ?? 0).toFixed(3)})\n`,
  );
}
