/** How many items a second, and over how many items it was measured. */
export interface Rate {
  readonly itemsPerSecond: number;
  readonly items: number;
}

/** Does the same thing over and over. @returns how many items it moved; 0 ends the measurement. */
export type Step = () => Promise<number>;

/**
 * Runs `clients` copies of a step side by side for so many milliseconds, and
 * counts what they move, up to the moment the last item moved: what is under
 * way at the end is finished and counted, and so is the time it took, but not
 * the time in which nothing was left to move.
 */
export async function measure(
  clients: number,
  durationMs: number,
  newStep: (client: number) => Step,
): Promise<Rate> {
  let items = 0;
  const started = performance.now();
  let lastMoved = started;
  const run = async (step: Step) => {
    while (performance.now() - started < durationMs) {
      const moved = await step();
      if (moved === 0) return;
      items += moved;
      lastMoved = performance.now();
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => run(newStep(client))));
  const seconds = (lastMoved - started) / 1_000;
  return { items, itemsPerSecond: items === 0 ? 0 : items / seconds };
}
