/** Of npm's settings those that say where packages come from, and what to show there. */
const WHERE = /^\s*(registry|@[^:=\s]+:registry|\/\/[^=]+|strict-ssl|(https?-)?proxy|noproxy)\s*=/i;

/**
 * The lines of npm's settings that a build somewhere else can use: those on
 * registries and proxies. Paths of this machine, such as `cafile`, are no use there.
 *
 * @param texts of `.npmrc` files; the later line wins, as npm reads them.
 * @param env fills in `${NAME}`, as npm does, and may name a registry itself.
 */
export function registryLines(texts: readonly string[], env: Readonly<NodeJS.ProcessEnv>): readonly string[] {
  const lines = texts.flatMap((text) => text.split(/\r?\n/)).filter((line) => WHERE.test(line));
  const registry = env['npm_config_registry'] || env['NPM_CONFIG_REGISTRY'];
  const all = registry ? [...lines, `registry=${registry}`] : lines;
  return all.map((line) => line.replaceAll(/\$\{(\w+)\}/g, (whole, name) => env[name] ?? whole));
}
