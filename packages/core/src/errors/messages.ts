/**
 * Texts that clients of the reference server compare literally
 * (docs/reference/errors.md). Changing one breaks those clients.
 */
export const MESSAGES = {
  leaseTimedOut: 'request timeout; no items are in the queue, try again',
  duplicateClientId: 'duplicate client id; a client cannot make multiple leased requests to the same queue',
  serviceShutdown: 'service is shutting down',
  queueShutdown: 'queue is shutting down',
  queuePaused: 'queue is paused; try again later',
  overloaded: 'queue is overloaded; try again later',
  produceTimedOut: 'request timeout; items were not produced, try again',
  produceOutcomeUnknown: 'request outcome unknown; items may have been produced',
  queueLocked: 'queue is in use; another session has locked its items, nothing was deleted, try again later',
  storageFailed: 'internal error, try your request again',
  internal: 'Internal Error',
} as const;
