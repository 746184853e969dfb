import type { TestProject } from 'vitest/node';
// What is provided here is declared there.
import type {} from './test-database.ts';
import { testPostgres } from './test-server.ts';

/** Vitest's globalSetup: one PostgreSQL for the run, stopped with it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await testPostgres();
  project.provide('queratorPostgresUrl', server.connectionString);
  project.provide('queratorPostgresKind', server.kind);
  return () => server.stop();
}
