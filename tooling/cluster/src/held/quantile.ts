/**
 * The value that a share of all values does not exceed (nearest rank).
 *
 * @param share 0 to 1, such as 0.99.
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
