/** One bar of a group. An undefined value leaves its place empty. */
export interface Group {
  readonly label: string;
  /** One value for each series, in their order. */
  readonly values: readonly (number | undefined)[];
}

/** A chart of groups of bars. */
export interface BarChart {
  readonly title: string;
  readonly series: readonly string[];
  readonly groups: readonly Group[];
}

const WIDTH = 920;
const LABELS = 190;
const BAR = 13;
const GAP = 12;
const TOP = 64;
const BOTTOM = 34;
const COLOURS = ['#9aa5b1', '#5b8def', '#e4772e', '#4ea36d'];
const SCALE_END = WIDTH - 80;

/**
 * Draws horizontal bars on a logarithmic scale, as SVG. The values span three
 * orders of magnitude, so each bar has its number.
 */
export function drawBarChart({ title, series, groups }: BarChart): string {
  const values = groups.flatMap((group) => group.values.filter((value) => value !== undefined));
  const least = 10 ** Math.floor(Math.log10(Math.min(...values)));
  const most = Math.max(...values, least * 10);
  const x = (value: number) =>
    LABELS + (Math.log10(value / least) / Math.log10(most / least)) * (SCALE_END - LABELS);
  const groupHeight = series.length * BAR + GAP;
  const height = TOP + groups.length * groupHeight + BOTTOM;

  const ticks = powersOfTen(least, most).map(
    (
      tick,
    ) => `<line x1="${at(x(tick))}" y1="${TOP - 6}" x2="${at(x(tick))}" y2="${height - BOTTOM}" stroke="#ddd"/>
<text x="${at(x(tick))}" y="${height - BOTTOM + 16}" text-anchor="middle" fill="#666">${count(tick)}</text>`,
  );
  const bars = groups.flatMap(({ label, values }, group) => {
    const top = TOP + group * groupHeight;
    const middle = top + (series.length * BAR) / 2 + 4;
    return [
      `<text x="${LABELS - 10}" y="${at(middle)}" text-anchor="end">${escapeText(label)}</text>`,
      ...values.map((value, n) => {
        if (value === undefined) return '';
        const y = top + n * BAR;
        return `<rect x="${LABELS}" y="${y}" width="${at(Math.max(1, x(value) - LABELS))}" height="${BAR - 2}" fill="${COLOURS[n % COLOURS.length]}"/>
<text x="${at(Math.max(LABELS + 1, x(value)) + 5)}" y="${y + 10}" font-size="10" fill="#444">${count(value)}</text>`;
      }),
    ];
  });
  const legend = series.map(
    (
      name,
      n,
    ) => `<rect x="${LABELS + n * 150}" y="34" width="11" height="11" fill="${COLOURS[n % COLOURS.length]}"/>
<text x="${LABELS + n * 150 + 16}" y="44">${escapeText(name)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<title>${escapeText(title)}</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="${LABELS}" y="20" font-size="15">${escapeText(title)}</text>
${[...legend, ...ticks, ...bars].filter((line) => line !== '').join('\n')}
</svg>
`;
}

function powersOfTen(least: number, most: number): readonly number[] {
  const powers: number[] = [];
  for (let tick = least; tick <= most; tick *= 10) powers.push(tick);
  return powers;
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Coordinates to a tenth, so that the same figures give the same file. */
function at(coordinate: number): string {
  return String(Math.round(coordinate * 10) / 10);
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
