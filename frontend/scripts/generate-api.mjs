// Writes the API types from the servers' OpenAPI descriptions. The output is committed and never edited.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import openapiTS, { astToString } from 'openapi-typescript';

const ROLES = ['authority', 'enforcer', 'planner', 'simulator', 'console'];
const source = new URL('../../docs/api/', import.meta.url);
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
