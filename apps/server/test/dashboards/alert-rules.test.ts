import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ALERT_CASES_FILES, ALERTS_FILE, alertCases, alertRules } from './support/files.ts';
import { parseExpression } from './support/promql.ts';

/** Labels that Prometheus adds itself. */
const OF_PROMETHEUS = ['instance', 'job'];

const page = readFileSync(new URL('../../../../docs/alerts.md', import.meta.url), 'utf8');

describe('the alerts', () => {
  test('have a section each that says what to do, and no section is left over', () => {
    const sections = [...page.matchAll(/^## (Querator\w+)$/gm)].map(([, name]) => name);
    const rules = alertRules();
    expect(rules.map(({ alert }) => alert)).toEqual(sections);
    for (const { alert, annotations, labels } of rules) {
      expect(annotations.runbook).toBe(`docs/alerts.md#${alert.toLowerCase()}`);
      expect(['critical', 'warning', 'info']).toContain(labels.severity);
    }
  });

  test('only use labels in their texts that their expressions leave', () => {
    for (const { alert, expr, annotations } of alertRules()) {
      const left = [...parseExpression(expr).grouping, ...(expr.startsWith('up{') ? OF_PROMETHEUS : [])];
      for (const [, label] of annotations.summary.matchAll(/\$labels\.(\w+)/g))
        expect(left, alert).toContain(label);
    }
  });

  test('have a case each in which they fire, and one in which they do not', () => {
    const cases = alertCases();
    const names = (wanted: boolean) =>
      new Set(cases.filter((each) => each.exp_alerts.length > 0 === wanted).map((each) => each.alertname));
    const alerts = alertRules()
      .map(({ alert }) => alert)
      .sort();
    expect([...names(true)].sort()).toEqual(alerts);
    expect([...names(false)].sort()).toEqual(alerts);
  });

  test.each([
    ['check', [ALERTS_FILE]],
    ['test', ALERT_CASES_FILES],
  ])(
    'pass `promtool %s rules`, where it is installed',
    (command, files) => {
      const { error, status, stdout, stderr } = spawnSync('promtool', [command, 'rules', ...files], {
        encoding: 'utf8',
      });
      // `npm run test:cluster` installs it. Without it, the parser of the other tests has read every expression.
      if (error !== undefined) expect(error).toMatchObject({ code: 'ENOENT' });
      else expect(status, stdout + stderr).toBe(0);
    },
    60_000,
  );
});
