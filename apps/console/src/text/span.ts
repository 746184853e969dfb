const UNITS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/** Reads a span as the API writes it, `1m30s`. @returns milliseconds, or undefined if it is no span. */
export function parseSpan(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^-?(?:\d+(?:\.\d+)?(?:h|ms|us|µs|ns|m|s))+$/.test(text) && text !== '0') return undefined;
  let sum = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)/g)) {
    sum += Number(amount) * (UNITS[unit] ?? 0);
  }
  return text.startsWith('-') ? -sum : sum;
}

const STEPS: readonly (readonly [unit: string, ms: number, next: string, nextMs: number])[] = [
  ['d', 86_400_000, 'h', 3_600_000],
  ['h', 3_600_000, 'min', 60_000],
  ['min', 60_000, 's', 1_000],
];

/** Writes milliseconds for people, with the two largest units: `2 d 3 h`, `4 min 12 s`, `850 ms`. */
export function formatSpan(ms: number): string {
  if (ms < 0) return `−${formatSpan(-ms)}`;
  const step = STEPS.find(([, size]) => ms >= size);
  if (step !== undefined) {
    const [unit, size, next, nextSize] = step;
    const rest = Math.floor((ms % size) / nextSize);
    return `${Math.floor(ms / size)} ${unit}${rest === 0 ? '' : ` ${rest} ${next}`}`;
  }
  if (ms >= 10_000) return `${Math.floor(ms / 1000)} s`;
  if (ms >= 1000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  return ms > 0 && ms < 1 ? `${Math.round(ms * 1000)} µs` : `${Math.round(ms)} ms`;
}
