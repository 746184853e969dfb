import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { theme } from '../parts/theme.ts';
import { formatTime } from '../text/time.ts';
import { type ChartData, describeChart } from './chart-data.ts';

const HEIGHT = 190;
/** A chart of a shorter time would stretch a few points over its width. */
const SHORTEST_S = 120;

/** Distances of lines on a scale of whole numbers: 1, 2, 5, 10, … */
const WHOLE_STEPS = Array.from({ length: 13 }, (_, power) =>
  [1, 2, 5].map((digit) => digit * 10 ** power),
).flat();

interface ChartProps {
  readonly title: string;
  readonly data: ChartData;
  /** A value for people, such as `12 items/s`. */
  readonly format: (value: number) => string;
  /** A sentence below the title: what exactly is shown. */
  readonly note?: string;
  /** Whether values are whole numbers, so that the scale has no others. */
  readonly whole?: boolean;
}

/** Lines over time. The same numbers are in a table below, for those who do not see the lines. */
export function Chart({ title, data, format, note, whole = false }: ChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  // Another theme has other colors.
  const { value: present } = theme;
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const { current } = frame;
    if (current === null) return;
    const plot = new uPlot(optionsOf(current, { title, data, format, whole }), linesOf(data), current);
    const resized = new ResizeObserver(() => plot.setSize({ width: current.clientWidth, height: HEIGHT }));
    resized.observe(current);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [data, format, title, whole, present]);
  return (
    <figure class="chart">
      <figcaption>
        <strong>{title}</strong>
        {note !== undefined && <span class="quiet"> {note}</span>}
      </figcaption>
      <div ref={frame} role="img" aria-label={`${title}. ${describeChart(data, format)}`} />
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>The numbers of “{title}”</summary>
        {open && <Numbers title={title} data={data} format={format} />}
      </details>
    </figure>
  );
}

function linesOf({ times, series }: ChartData): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])];
}

function colorOf(element: Element, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

function optionsOf(frame: HTMLElement, { data, format, whole = false }: ChartProps): uPlot.Options {
  const text = colorOf(frame, '--text-quiet');
  const grid = { stroke: colorOf(frame, '--line'), width: 1 };
  const font = `11px ${getComputedStyle(frame).fontFamily}`;
  return {
    width: frame.clientWidth,
    height: HEIGHT,
    scales: {
      x: { range: (_, from, to) => (to - from < SHORTEST_S ? [to - SHORTEST_S, to] : [from, to]) },
      y: { range: (_, min, max) => [Math.min(0, min ?? 0), (max ?? 0) > 0 ? (max ?? 0) * 1.08 : 1] },
    },
    axes: [
      { stroke: text, grid, ticks: grid, font, space: 76, values: (_, times) => times.map(clockOf(data)) },
      {
        ...{
          stroke: text,
          grid,
          ticks: grid,
          font,
          size: axisWidth,
          values: (_, values) => values.map(format),
        },
        ...(whole ? { incrs: WHOLE_STEPS } : {}),
      },
    ],
    series: [
      { label: 'Time', value: (_, at) => (at === null ? '' : formatTime(new Date(at * 1000).toISOString())) },
      ...data.series.map(({ label, color }, at) => ({
        label,
        stroke: colorOf(frame, `--series-${color}`),
        width: 1.5,
        // A line can be told from the others without its color.
        dash: DASHES[at % DASHES.length] ?? [],
        points: { show: data.times.length < 3 },
        value: (_: uPlot, value: number | null) => (value === null ? '–' : format(value)),
      })),
    ],
    cursor: { y: false },
    // Until somebody points at another time, the legend has the last values.
    hooks: { ready: [(plot) => plot.setLegend({ idx: data.times.length - 1 })] },
    legend: { live: true },
  };
}

/** The room for the values beside their axis, in pixels: that of the longest text. */
function axisWidth(_: uPlot, values: readonly string[] | null): number {
  return 22 + 6 * Math.max(7, ...(values ?? []).map(({ length }) => length));
}

/** Writes times below the axis: with seconds only where they differ. */
function clockOf({ times }: ChartData): (seconds: number) => string {
  const span = (times.at(-1) ?? 0) - (times[0] ?? 0);
  const format = new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    ...(span < 600 ? { second: '2-digit' } : {}),
  });
  return (seconds) => format.format(seconds * 1000);
}

const DASHES: readonly number[][] = [[], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [1, 3]];

function Numbers({ title, data, format }: ChartProps) {
  const { times, series } = data;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="table-frame short" aria-label={`The numbers of ${title}`} tabIndex={0}>
      <table>
        <caption class="unseen">{title}</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {series.map(({ label }) => (
              <th key={label} scope="col" class="number">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {times.map((at, row) => (
            <tr key={at}>
              <th scope="row">{formatTime(new Date(at * 1000).toISOString())}</th>
              {series.map(({ label, values }) => {
                const value = values[row];
                return (
                  <td key={label} class="number">
                    {value === null || value === undefined ? '–' : format(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
