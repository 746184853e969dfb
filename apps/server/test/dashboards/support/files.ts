import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const DOCKER = new URL('../../../../../docker/', import.meta.url);

const CASES = new URL('prometheus/cases/', DOCKER);

/** Files of cases in which alerts fire, or do not. */
export const ALERT_CASES_FILES: readonly string[] = readdirSync(CASES).map((file) =>
  fileURLToPath(new URL(file, CASES)),
);

/** The file with the rules. */
export const ALERTS_FILE: string = fileURLToPath(new URL('prometheus/alerts.yaml', DOCKER));

/** A query of a panel. */
interface Target {
  readonly expr: string;
  readonly legendFormat: string;
}

export interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly Target[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

/** The dashboards for Grafana. */
export function dashboards(): readonly Dashboard[] {
  const folder = new URL('grafana/dashboards/', DOCKER);
  return readdirSync(folder).map(
    (file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Dashboard,
  );
}

/** The rules for Prometheus. */
export function alertRules(): readonly AlertRule[] {
  const { groups } = parse(readFileSync(ALERTS_FILE, 'utf8')) as { groups: { rules: AlertRule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** What a case expects of an alert at a time. */
export interface AlertCase {
  readonly alertname: string;
  /** The alerts that fire then. */
  readonly exp_alerts: readonly object[];
}

/** The cases of all files. */
export function alertCases(): readonly AlertCase[] {
  return ALERT_CASES_FILES.flatMap((file) => {
    const { tests } = parse(readFileSync(file, 'utf8')) as { tests: { alert_rule_test: AlertCase[] }[] };
    return tests.flatMap(({ alert_rule_test }) => alert_rule_test);
  });
}

/** The query by which KEDA scales consumers. */
export function kedaQuery(): string {
  const { spec } = parse(readFileSync(new URL('keda/scaled-object.yaml', DOCKER), 'utf8')) as {
    spec: { triggers: { metadata: { query: string } }[] };
  };
  return spec.triggers[0]?.metadata.query ?? '';
}
