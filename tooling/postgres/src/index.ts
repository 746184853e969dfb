export { type Cluster, type ClusterOptions, startCluster } from './cluster.ts';
export { atExit } from './exit-cleanup.ts';
export { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
export { freePort } from './free-port.ts';
export { chooseRunAs, command, type RunAs } from './run-as.ts';
export { INSTALLED_VERSION, SUPPORTED_VERSIONS } from './server-versions.ts';
export { startTemporaryCluster } from './temporary-cluster.ts';
export { createTestDatabase, type TestDatabase } from './test-database.ts';
export { type TestServer, testPostgres } from './test-server.ts';
