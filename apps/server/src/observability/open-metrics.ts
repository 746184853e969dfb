import type { Registry } from 'prom-client';

/** The media type of OpenMetrics, which Prometheus asks for first. */
const OPENMETRICS = 'application/openmetrics-text';

type Metrics = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** An example of what a bucket of a histogram has counted. */
export interface Exemplar {
  readonly labelSet: Readonly<Record<string, string>>;
  readonly value: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
  /** The library's own histograms have null. */
  readonly exemplar?: Exemplar | null;
}

/** Whether a scraper takes OpenMetrics, and at least as gladly as the older format. */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  const weights = (accept ?? '').split(',').map(weightOf);
  const of = (wanted: string) => Math.max(0, ...weights.map(({ type, q }) => (type === wanted ? q : 0)));
  const asked = of(OPENMETRICS);
  return asked > 0 && asked >= of('text/plain');
}

function weightOf(range: string): { readonly type: string; readonly q: number } {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
  const q = Number(parameters.find((each) => each.startsWith('q='))?.slice(2) ?? 1);
  return { type, q: q >= 0 && q <= 1 ? q : 0 };
}

/**
 * Metrics in the format of OpenMetrics, with their exemplars. The library's own writer
 * renames counters for good, which would break the next scrape in the older format.
 */
export function openMetricsText(metrics: Metrics): string {
  const lines: string[] = [];
  for (const metric of metrics) {
    const { name, type, help } = metric as { name: string; type: unknown; help: string };
    const values = (metric as unknown as { values?: readonly Sample[] }).values ?? [];
    const isCounter = type === 'counter';
    const family = isCounter ? name.replace(/_total$/, '') : name;
    lines.push(`# HELP ${family} ${escaped(help)}`, `# TYPE ${family} ${String(type)}`);
    for (const { value, labels = {}, metricName = name, exemplar } of values) {
      const sample = `${isCounter ? `${family}_total` : metricName}${labelsText(labels)} ${number(value)}`;
      lines.push(exemplar ? `${sample} # ${exemplarText(exemplar)}` : sample);
    }
  }
  return `${lines.join('\n')}\n# EOF\n`;
}

function exemplarText({ labelSet, value, timestamp }: Exemplar): string {
  return `${labelsText(labelSet)} ${number(value)} ${timestamp}`;
}

function labelsText(labels: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return `${value}`;
  return value > 0 ? '+Inf' : '-Inf';
}
