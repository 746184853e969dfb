/** A line of a chart. */
export interface Series {
  readonly label: string;
  /** Which of the colors of the page: 1 to 6. */
  readonly color: 1 | 2 | 3 | 4 | 5 | 6;
  /** One value per time. Null: there is none, and the line has a gap. */
  readonly values: readonly (number | null)[];
}

/** What a chart shows. */
export interface ChartData {
  /** The times, in seconds since 1970, ascending. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
}

/** A sentence of a chart's content, for those who do not see it: the last and the greatest value of each line. */
export function describeChart({ series }: ChartData, format: (value: number) => string): string {
  const parts = series.map(({ label, values }) => {
    const present = values.filter((value) => value !== null);
    const last = present.at(-1);
    if (last === undefined) return `${label}: no values`;
    return `${label}: last ${format(last)}, at most ${format(present.reduce((a, b) => Math.max(a, b)))}`;
  });
  return parts.join('; ');
}
