import type { JsonObject } from '@/api/types';
import { tokenInWords } from '@/lib/claims';
import { useDisplay } from '@/lib/display';
import { useNow } from '@/lib/now';
import { JsonBlock } from '@/ui/json-view';

/** What a token permits, in words; the claims themselves are folded. The token itself is never here. */
export function TokenView({ claims }: { claims: JsonObject }) {
  const { clock } = useDisplay();
  const now = useNow();
  const lines = tokenInWords(claims, clock, now);
  return (
    <div>
      <ul className="flex flex-wrap gap-x-1.5 gap-y-1.5">
        {lines.map((line) => (
          <li
            key={line}
            className="rounded-sm border border-line bg-sunken px-1.5 py-0.5 text-dense"
          >
            {line}
          </li>
        ))}
      </ul>
      <details className="mt-1.5">
        <summary className="py-0.5 text-accent">all claims</summary>
        <div className="mt-2">
          <JsonBlock value={claims} label="Token claims" />
        </div>
      </details>
    </div>
  );
}
