export { type Composition, compose } from './compose.ts';
export { ConfigError } from './config/config-error.ts';
export { defaultConfig, loadConfig, parseConfig } from './config/load.ts';
export type { Config } from './config/schema.ts';
export { createLogger, type LogHandler, type LogLevel } from './observability/logger.ts';
export { type RunningServer, startServer } from './server.ts';
export type { ServerDeps } from './server-deps.ts';
export { VERSION } from './version.ts';
