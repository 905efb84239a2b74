import type { Json } from '@/api/types';
import { isObject } from '@/lib/canonical';

/** What started a run, in a few words. */
export function triggerText(trigger: Json | undefined): string {
  if (typeof trigger === 'string' && trigger !== '') return trigger;
  if (isObject(trigger)) {
    const kind = typeof trigger.kind === 'string' ? trigger.kind : 'trigger';
    const about = trigger.alert ?? trigger.alert_id ?? trigger.id;
    return typeof about === 'string' ? `${kind} ${about}` : kind;
  }
  return 'by hand';
}
