// Fails when what a browser must load grows over the budget. Reads Vite's manifest; run after a build.
import { readFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const KB = 1000;
const BUDGET = { entry: 120 * KB, css: 12 * KB, route: 120 * KB, overview: 300 * KB };

const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));
const read = (file) => readFileSync(new URL(file, dist));
const gzip = (file) => gzipSync(read(file), { level: 9 }).length;
const brotli = (file) =>
  file.endsWith('.woff2') ? read(file).length : brotliCompressSync(read(file)).length;

/** Everything that loading `key` pulls in at once. */
function closure(key, seen = new Set()) {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const next of manifest[key]?.imports ?? []) closure(next, seen);
  return seen;
}

const files = (keys) => [...keys].map((key) => manifest[key].file);
const sum = (list, size) => list.reduce((total, file) => total + size(file), 0);
const failures = [];

function check(name, bytes, budget) {
  const line = `${name.padEnd(34)} ${(bytes / KB).toFixed(1).padStart(7)} kB of ${budget / KB}`;
  console.log(line);
  if (bytes > budget) failures.push(line);
}

const entryKey = Object.keys(manifest).find((key) => manifest[key].isEntry);
const entry = closure(entryKey);
const css = [...new Set(Object.values(manifest).flatMap((chunk) => chunk.css ?? []))];
check('entry script, gzip', sum(files(entry), gzip), BUDGET.entry);
check('styles, gzip', sum(css, gzip), BUDGET.css);
for (const key of Object.keys(manifest).filter((name) => name.includes('src/app/routes/'))) {
  const own = files(closure(key)).filter((file) => !files(entry).includes(file));
  check(
    `${key.replace('src/app/routes/', '').replace('?tsr-split=component', '')}, gzip`,
    sum(own, gzip),
    BUDGET.route,
  );
}
const first = new Set(entry);
for (const key of Object.keys(manifest)) {
  if (/routes\/_app\.tsx|routes\/_app\/index\.tsx/.test(key)) closure(key, first);
}
const inter = Object.values(manifest)
  .flatMap((chunk) => chunk.assets ?? [])
  .filter((file) => /inter-latin-wght/.test(file));
const loaded = [...new Set([...files(first), ...css, ...inter])];
check(`first visit of Overview (${loaded.length} files)`, sum(loaded, brotli), BUDGET.overview);

if (failures.length > 0) {
  console.error(`over budget:\n${failures.join('\n')}`);
  process.exit(1);
}
