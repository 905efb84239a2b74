// Writes the API types from the servers' OpenAPI descriptions (`docs/api`, or the folder given).
// The output is committed and never edited.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';

const ROLES = ['authority', 'enforcer', 'planner', 'simulator', 'console'];
const source = process.argv[2]
  ? pathToFileURL(`${process.argv[2]}/`)
  : new URL('../../docs/api/', import.meta.url);
const target = new URL('../src/api/generated/', import.meta.url);

mkdirSync(target, { recursive: true });
for (const role of ROLES) {
  const description = JSON.parse(readFileSync(new URL(`${role}.json`, source), 'utf8'));
  const types = astToString(await openapiTS(description, { alphabetize: true }));
  writeFileSync(
    new URL(`${role}.ts`, target),
    `// Generated from docs/api/${role}.json by \`npm run api\`. Do not edit.\n\n${types}`,
  );
}
