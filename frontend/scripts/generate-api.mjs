// Writes the API types from the servers' OpenAPI descriptions (`docs/api`, or the folder given).
// The output is committed and never edited.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const ROLES = ['authority', 'enforcer', 'planner', 'simulator', 'console'];
const source = process.argv[2]
  ? pathToFileURL(`${process.argv[2]}/`)
  : new URL('../../docs/api/', import.meta.url);
const target = new URL('../src/api/generated/', import.meta.url);

const named = (name) => ts.factory.createTypeReferenceNode(name);

/**
 * Objects without described members are parameters and answers of tools, which may be any JSON. Tuples
 * become arrays: the client's types lose them on the way.
 */
function simplified(schema) {
  if (schema.prefixItems?.every((item) => item.type === 'string')) {
    return ts.factory.createArrayTypeNode(named('string'));
  }
  if (schema.properties || schema.additionalProperties !== undefined || schema.$ref)
    return undefined;
  if (schema.type === 'object') return named('JsonObject');
  const nullable = Array.isArray(schema.type) && schema.type.join() === 'object,null';
  return nullable ? named('Json') : undefined;
}

mkdirSync(target, { recursive: true });
for (const role of ROLES) {
  const description = JSON.parse(readFileSync(new URL(`${role}.json`, source), 'utf8'));
  const nodes = await openapiTS(description, { alphabetize: true, transform: simplified });
  const types = astToString(nodes);
  const used = ['Json', 'JsonObject'].filter((name) => new RegExp(`\\b${name}\\b`).test(types));
  const imports = used.length > 0 ? `import type { ${used.join(', ')} } from '../json';\n\n` : '';
  const head = `// Generated from docs/api/${role}.json by \`npm run api\`. Do not edit.\n\n`;
  writeFileSync(new URL(`${role}.ts`, target), head + imports + types);
}
