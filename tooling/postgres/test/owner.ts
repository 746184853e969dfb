/**
 * A process that owns a cluster, for tests that kill it: starts the cluster in the
 * given folder or a temporary one, prints it, and waits.
 */
import process from 'node:process';
import { startCluster, startTemporaryCluster } from '../src/index.ts';

const [dataDir] = process.argv.slice(2);
const cluster = dataDir === undefined ? await startTemporaryCluster() : await startCluster({ dataDir });
const { pid, port } = cluster;
process.stdout.write(`${JSON.stringify({ pid, port, dataDir: cluster.dataDir })}\n`);
process.stdin.once('data', () => process.exit());
