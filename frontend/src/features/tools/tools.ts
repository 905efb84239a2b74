import type { Json, ToolView } from '@/api/types';
import { isObject } from '@/lib/canonical';

/** Tools by the part of their name before the dot, both in order of name. */
export function byNamespace(tools: ToolView[]): [string, ToolView[]][] {
  const groups = new Map<string, ToolView[]>();
  for (const tool of [...tools].sort((a, b) => a.name.localeCompare(b.name))) {
    const namespace = tool.name.split('.')[0] ?? tool.name;
    groups.set(namespace, [...(groups.get(namespace) ?? []), tool]);
  }
  return [...groups.entries()];
}

/** One parameter of a tool, read from its JSON Schema. */
export interface Parameter {
  name: string;
  required: boolean;
  kind: string;
  limits: string;
}

const LIMITS = ['minimum', 'maximum', 'minLength', 'maxLength', 'pattern', 'format'] as const;

function limitsOf(schema: { [key: string]: Json }): string {
  const parts: string[] = LIMITS.filter((key) => schema[key] !== undefined).map(
    (key) => `${key} ${String(schema[key])}`,
  );
  if (Array.isArray(schema.enum)) {
    parts.push(`one of ${schema.enum.map((item) => JSON.stringify(item)).join(', ')}`);
  }
  if (schema.const !== undefined) parts.push(`exactly ${JSON.stringify(schema.const)}`);
  return parts.join(', ');
}

/** The parameters that a tool takes. */
export function parametersOf(schema: Json | undefined): Parameter[] {
  if (!isObject(schema) || !isObject(schema.properties)) return [];
  const required: Json[] = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(schema.properties).map(([name, value]) => {
    const property = isObject(value) ? value : {};
    return {
      name,
      required: required.includes(name),
      kind: typeof property.type === 'string' ? property.type : 'any',
      limits: limitsOf(property),
    };
  });
}

/** What a tool acts on, in words. */
export function resourceText(resource: Json | undefined): string | null {
  if (typeof resource === 'string') return resource;
  if (!isObject(resource)) return null;
  const type = typeof resource.type === 'string' ? resource.type : 'resource';
  return typeof resource.param === 'string' ? `${type}, named by ${resource.param}` : type;
}
