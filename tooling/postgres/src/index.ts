export { postgresBinaries } from './binaries.ts';
export { type Cluster, type ClusterOptions, startCluster } from './cluster.ts';
export { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
export { INSTALLED_VERSION, SUPPORTED_VERSIONS } from './server-versions.ts';
export { startTemporaryCluster } from './temporary-cluster.ts';
export { createTestDatabase, type TestDatabase } from './test-database.ts';
export { type TestServer, testPostgres } from './test-server.ts';
