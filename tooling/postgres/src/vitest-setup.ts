import type { TestProject } from 'vitest/node';
// Declares the provided values.
import type {} from './test-database.ts';
import { testPostgres } from './test-server.ts';

/** Vitest's globalSetup: one PostgreSQL for the run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await testPostgres();
  project.provide('queratorPostgresUrl', server.connectionString);
  project.provide('queratorPostgresKind', server.kind);
  return () => server.stop();
}
