// npm pack: JavaScript in dist/ for those who install the package, because Node strips no types under node_modules.
import { spawnSync } from 'node:child_process';
import { copyFileSync, globSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const DIST = join(ROOT, 'dist');

rmSync(DIST, { recursive: true, force: true });
const { status } = spawnSync(
  process.execPath,
  [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', join(ROOT, 'tsconfig.build.json')],
  { stdio: 'inherit' },
);
if (status !== 0) process.exit(1);
// Statements and declarations that the compiler reads but does not write.
for (const file of globSync(['analyzers/*/*.sql', 'src/**/*.d.ts'], { cwd: ROOT }))
  if (!file.startsWith('analyzers/skeleton/')) copyFileSync(join(ROOT, file), join(DIST, file));
// What is generated of the program alone: a package may lie where nothing can be written when it runs.
const interpreter = join(DIST, 'src/translate/interpreter');
const { prebuild } = await import(pathToFileURL(join(interpreter, 'prebuilt.js')).href);
prebuild(interpreter);
