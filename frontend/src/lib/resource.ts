/** The plain id in a resource as policy names it: `payments` for `Service::"payments"`. */
export function resourceId(resource: string): string {
  const quoted = /^[A-Za-z_][\w:]*::"((?:[^"\\]|\\.)*)"$/.exec(resource);
  if (!quoted) return resource;
  try {
    const id: unknown = JSON.parse(`"${quoted[1] ?? ''}"`);
    return typeof id === 'string' ? id : resource;
  } catch {
    return resource;
  }
}
