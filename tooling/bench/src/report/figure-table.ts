import type { Figure, Spread } from '../figures/figure.ts';
import { operationName } from '../figures/points.ts';
import { formatCount, formatTable } from './table.ts';

/** Two tables: rates beside their ceilings, and the cost of an item. */
export function formatFigures(figures: readonly Figure[]): string {
  const rates = formatTable(
    ['', 'raw', 'service', 'HTTP', 'spread', '/raw', '/service', 'at req/s', 'p50 ms', 'p99 ms', 'p99.9 ms'],
    figures.map((figure) => [
      nameOf(figure),
      figure.raw === undefined ? '' : formatCount(figure.raw.median),
      formatCount(figure.service.median),
      formatCount(figure.http.median),
      percentOf(figure.http),
      figure.raw === undefined ? '' : (figure.http.median / figure.raw.median).toFixed(2),
      (figure.http.median / figure.service.median).toFixed(2),
      ...latencyOf(figure),
    ]),
  );
  const costs = formatTable(
    ['an item costs', 'server us', 'PostgreSQL us', 'load us', 'WAL bytes', 'commits', 'statements'],
    figures.map(({ cost, ...point }) => [
      nameOf(point),
      formatCost(cost.serverCpuUs),
      formatCost(cost.postgresCpuUs),
      formatCost(cost.loadCpuUs),
      formatCost(cost.walBytes),
      formatCost(cost.commits),
      formatCost(cost.statements),
    ]),
  );
  return `items/s\n\n${rates}\n\n${costs}`;
}

/** A short name of a figure: `produce, protobuf, batch 100, 8 clients`, and its unusual options. */
export function nameOf(point: Omit<Figure, 'raw' | 'service' | 'http' | 'cost' | 'latency'>): string {
  const { format, batch, clients, partitions, payloadBytes } = point;
  const name = `${operationName(point)}, ${format}, batch ${batch}, ${clients} clients`;
  return [
    name,
    ...(partitions === 1 ? [] : [`${partitions} partitions`]),
    ...(payloadBytes === 100 ? [] : [`${payloadBytes} B`]),
  ].join(', ');
}

function percentOf({ median, least, greatest }: Spread): string {
  const percent = (figure: number) => `${Math.round((figure / median - 1) * 100)}`;
  return `${percent(least)}..+${percent(greatest)}%`;
}

function latencyOf({ latency }: Figure): readonly string[] {
  if (latency === undefined) return ['', '', '', ''];
  const { requestsPerSecond, p50Ms, p99Ms, p999Ms } = latency;
  return [formatCount(requestsPerSecond), ...[p50Ms, p99Ms, p999Ms].map((ms) => ms.toFixed(2))];
}

function formatCost(cost: number): string {
  if (Number.isNaN(cost)) return '';
  return Math.abs(cost) < 10 ? cost.toFixed(3) : formatCount(cost);
}
