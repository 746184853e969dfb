/**
 * Reply headers for values that v1 messages have no field for. Only successful
 * replies have them. Clients may ignore them.
 */
export const REPLY_HEADERS = {
  /**
   * In `queue.stats`: the age of the oldest count, in seconds with up to three
   * decimals; `0` if all partitions were counted for this call.
   */
  countAge: 'Querator-Count-Age',
  /**
   * In a list, `true` means that more elements follow the page. In
   * `storage/items.import`, `true` means that more items were stored than the
   * reply contains. Otherwise the header is absent.
   */
  more: 'Querator-More',
} as const;
