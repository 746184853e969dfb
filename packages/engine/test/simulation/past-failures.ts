/**
 * Seeds that found something, and what. They run first, always. A seed means
 * the same only as long as clients, weather and what the engine asks of
 * storage stay as they are, so each has a test of its own besides, which tells
 * the story in plain steps (`shutdown.test.ts`, `instances.test.ts`).
 */
export const PAST_FAILURES: readonly { readonly title: string; readonly seed: number }[] = [
  { title: 'an engine said it had stopped while a call on settings was with storage', seed: 234 },
];
