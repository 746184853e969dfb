/**
 * Seeds that once failed, and why. They always run first. A seed produces
 * another run when the clients, the faults or the engine's storage calls
 * change. So each also has a test with plain steps (`shutdown.test.ts`,
 * `lease.test.ts`, `several-processes.test.ts`).
 */
export const PAST_FAILURES: readonly { readonly title: string; readonly seed: number }[] = [
  { title: 'an engine said it had stopped while a call on settings was with storage', seed: 35 },
  { title: 'a later item was handed out while older ones were being put back', seed: 793 },
  { title: 'an engine that had slept took a queue up after its end', seed: 1007 },
];
