/** The npm settings about registries, and their credentials. */
const WHERE = /^\s*(registry|@[^:=\s]+:registry|\/\/[^=]+|strict-ssl|(https?-)?proxy|noproxy)\s*=/i;

/**
 * The lines of npm's settings that a build elsewhere can use: registries and
 * proxies, but no paths of this machine, such as `cafile`.
 *
 * @param texts of `.npmrc` files; the later line wins, as in npm.
 * @param env fills in `${NAME}`, as npm does, and may name a registry.
 */
export function registryLines(texts: readonly string[], env: Readonly<NodeJS.ProcessEnv>): readonly string[] {
  const lines = texts.flatMap((text) => text.split(/\r?\n/)).filter((line) => WHERE.test(line));
  const registry = env['npm_config_registry'] || env['NPM_CONFIG_REGISTRY'];
  const all = registry ? [...lines, `registry=${registry}`] : lines;
  return all.map((line) => line.replaceAll(/\$\{(\w+)\}/g, (whole, name) => env[name] ?? whole));
}
