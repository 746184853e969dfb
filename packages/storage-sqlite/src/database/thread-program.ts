/** Whether threads run programs of the sources, or compiled ones. */
export const isSource = import.meta.url.endsWith('.ts');

/**
 * Node 22 warns at every start that its SQLite may change; what this package needs of it is
 * tested. A program from the sources needs the other packages' sources.
 */
export const NODE_OPTIONS: readonly string[] = [
  '--disable-warning=ExperimentalWarning',
  ...(isSource ? ['--conditions=@querator/source'] : []),
];
