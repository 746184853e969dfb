const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** A count with its digits in groups: `1,234,567`. */
export function formatCount(count: number): string {
  return WHOLE.format(count);
}

/** A number of bytes: `512 B`, `1.5 KiB`, `5.0 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

/** A rate per second with as many digits as mean something: `0.05`, `3.2`, `1,250`. */
export function formatRate(perSecond: number): string {
  if (perSecond === 0) return '0';
  if (perSecond < 0.995) return perSecond < 0.01 ? '<0.01' : perSecond.toFixed(2);
  return perSecond < 99.5 ? perSecond.toFixed(1) : WHOLE.format(perSecond);
}

/** `1 item`, `2 items`. @param plural of a noun that does not simply get an s. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}
