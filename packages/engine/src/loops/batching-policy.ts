/** So many items are worth a statement of their own, whatever is under way. */
const ENOUGH_ITEMS = 50;

/** What is under way already. */
export interface UnderWay {
  readonly statements: number;
  /** In all of them. */
  readonly items: number;
}

/**
 * Whether what waits is to go to storage while other statements of its kind
 * are there. A statement costs this process and the database together about as
 * much as thirty items in it. Where many send an item each, those of whom
 * the first were just answered would go in dribs and drabs; so they wait until
 * they are as many as go in a statement just now, or until one of those comes back.
 */
export function isWorthAStatement(waitingItems: number, { statements, items }: UnderWay): boolean {
  return waitingItems >= ENOUGH_ITEMS || waitingItems * statements >= items;
}
