/**
 * Headers of answers that carry what a v1 message has no field for. They come
 * with successes only; a client that does not know them loses nothing.
 */
export const REPLY_HEADERS = {
  /**
   * Of `queue.stats`: how old the oldest of the counts is, in seconds with up
   * to three decimals; `0` when all partitions were counted for this call.
   */
  countAge: 'Querator-Count-Age',
  /**
   * Of a list, `true`: more elements follow those of the page. Of
   * `storage/items.import`: more items were stored than the reply shows.
   * Absent: neither.
   */
  more: 'Querator-More',
} as const;
