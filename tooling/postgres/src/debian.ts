export {
  apt,
  patroniPrograms,
  poolerProgram,
  postgresServerTools,
  postgresTools,
  promtoolProgram,
  redisProgram,
} from './debian-tools.ts';
export { PatroniCluster } from './patroni/patroni-cluster.ts';
export type { PatroniNode } from './patroni/patroni-node.ts';
export { Redis } from './redis.ts';
export { onServer, ReplicatedPair } from './replicated-pair.ts';
export { runTool, toolPath } from './run-tool.ts';
