export { ApiCaller } from './api-caller.ts';
export { type Scene, type SceneSizes, setScene } from './scene.ts';
