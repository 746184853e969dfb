export { apt, poolerProgram, postgresServerTools, postgresTools } from './debian-tools.ts';
export { onServer, ReplicatedPair } from './replicated-pair.ts';
export { runTool, toolPath } from './run-tool.ts';
