/** Changes what a dependency says it depends on, before pnpm resolves it. */
function readPackage(manifest) {
  // It needs the compiler of TypeScript 5 as a library, which later versions are not.
  if (manifest.name === 'openapi-typescript') {
    delete manifest.peerDependencies.typescript;
    manifest.dependencies.typescript = '^5.9.3';
  }
  return manifest;
}

module.exports = { hooks: { readPackage } };
