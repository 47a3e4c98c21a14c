// Bundles the extension into one file, which starts faster than many; with --tests the unit tests.

import { readdirSync } from 'node:fs';
import { build } from 'esbuild';

const isForTests = process.argv.includes('--tests');
const isForUsers = process.argv.includes('--production');

await build({
  entryPoints: isForTests
    ? readdirSync('test').map((name) => `test/${name}`)
    : ['src/extension.ts'],
  outdir: isForTests ? 'out/test' : 'out',
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  external: ['vscode'],
  minify: isForUsers,
  sourcemap: !isForUsers,
  logLevel: 'warning',
});
