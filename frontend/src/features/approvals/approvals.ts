import type { ApprovalView } from '@/api/types';
import { isObject } from '@/lib/canonical';
import { showJson } from '@/lib/diff';
import { resourceId } from '@/lib/resource';

const RANK: Record<string, number> = { data: 0, destructive: 1, service: 2, read: 3 };

/** Pending ones by expiry, then by how much they can do; decided ones newest first. */
export function sortApprovals(rows: ApprovalView[], view: 'pending' | 'decided'): ApprovalView[] {
  const chosen = rows.filter((row) => (row.state === 'pending') === (view === 'pending'));
  if (view === 'decided') return chosen.sort((a, b) => b.created_at.localeCompare(a.created_at));
  return chosen.sort(
    (a, b) =>
      a.expires_at.localeCompare(b.expires_at) || (RANK[a.effect] ?? 9) - (RANK[b.effect] ?? 9),
  );
}

/** `replicas 3 → 12`, or nothing if the change is not known. */
export function changeLine(approval: ApprovalView): string | null {
  const change = approval.change;
  if (!isObject(change) || (change.before === undefined && change.after === undefined)) return null;
  const before = showJson(change.before ?? undefined) || 'unknown';
  const after = showJson(change.after ?? undefined) || 'unknown';
  const attribute = typeof change.attribute === 'string' ? `${change.attribute} ` : '';
  return `${attribute}${before} → ${after}`;
}

/** `1 of 2`: decisions given over those that the rules need together. */
export function quorumLine(approval: ApprovalView): string {
  const given = approval.given.filter((item) => item.decision === 'approve').length;
  const need = neededCount(approval);
  return need === null ? `${given} given` : `${given} of ${need}`;
}

/** How many approvals are needed: per role the strictest rule counts. */
function neededCount(approval: ApprovalView): number | null {
  const rules = approval.rule;
  if (rules.length === 0) return null;
  const byRole = new Map<string, number>();
  for (const rule of rules) {
    for (const need of rule.needs) {
      byRole.set(need.role, Math.max(byRole.get(need.role) ?? 0, need.count));
    }
  }
  return [...byRole.values()].reduce((sum, count) => sum + count, 0);
}

/** The id of what the step acts on. */
export function targetOf(approval: ApprovalView): string | null {
  return approval.resource ? resourceId(approval.resource) : null;
}

/** The id that has to be typed before a destructive or data step can be approved. */
export function idToType(approval: ApprovalView): string | null {
  const grave = approval.effect === 'destructive' || approval.effect === 'data';
  return grave ? (targetOf(approval) ?? approval.tool) : null;
}

/** Whether a reason must be given. */
export function reasonNeeded(approval: ApprovalView): boolean {
  return approval.effect === 'destructive' || approval.effect === 'data';
}
