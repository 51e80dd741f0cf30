import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishedManifest } from './release.ts';

test('the published package.json points at what was compiled, and leaves the rest at home', () => {
  const manifest = {
    name: 'millrace',
    version: '1.2.3',
    private: true,
    description: 'Streams',
    license: 'Apache-2.0',
    type: 'module',
    exports: { '.': './src/index.ts', './package.json': './package.json' },
    workspaces: ['bin'],
    scripts: { test: 'node --test' },
    devDependencies: { typescript: '1.0.0' },
    peerDependencies: { driver: '1' },
    peerDependenciesMeta: { driver: { optional: true } },
  };
  assert.deepEqual(publishedManifest(manifest), {
    name: 'millrace',
    version: '1.2.3',
    description: 'Streams',
    license: 'Apache-2.0',
    type: 'module',
    engines: { node: '>=24' },
    exports: {
      '.': { types: './src/index.d.ts', default: './src/index.js' },
      './package.json': './package.json',
    },
    bin: { millrace: 'bin/millrace.js' },
    peerDependencies: { driver: '1' },
    peerDependenciesMeta: { driver: { optional: true } },
  });
});
