export { BackgroundProgram } from './background-program.ts';
export { type Answer, callServer } from './call-server.ts';
export { atExit } from './exit-cleanup.ts';
export { freePort, freePorts } from './free-port.ts';
export { birthMark, childrenOf, isAlive, signal, worksIn } from './process-table.ts';
export { canRun, chooseRunAs, command, type RunAs } from './run-as.ts';
export { type Ended, mustRun, runProgram } from './run-program.ts';
export { serverConfig } from './server-config.ts';
export { ServerProcess, type ServerProcessOptions, SOURCE_FLAGS } from './server-process.ts';
