/**
 * Seeds that found something, and what. They run first, always. A seed means
 * the same only as long as clients, weather and scheduler stay as they are, so
 * each has a test of its own besides, which tells the story in plain steps.
 */
export const PAST_FAILURES: readonly { readonly title: string; readonly seed: number }[] = [
  { title: 'an engine said it had stopped while an update was with storage', seed: 277 },
  { title: 'an engine said it had stopped while settings were read', seed: 1063 },
  { title: 'a queue deleted elsewhere could be neither created nor updated for a while', seed: 13_268 },
];
