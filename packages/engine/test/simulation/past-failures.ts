/**
 * Seeds that found something, and what. They run first, always. A seed means
 * the same only as long as clients, weather and what the engine asks of
 * storage stay as they are, so each has a test of its own besides, which tells
 * the story in plain steps (`shutdown.test.ts`, `lease.test.ts`, `several-processes.test.ts`).
 */
export const PAST_FAILURES: readonly { readonly title: string; readonly seed: number }[] = [
  { title: 'an engine said it had stopped while a call on settings was with storage', seed: 35 },
  { title: 'a later item was handed out while older ones were being put back', seed: 793 },
  { title: 'an engine that had slept took a queue up after its end', seed: 1007 },
];
