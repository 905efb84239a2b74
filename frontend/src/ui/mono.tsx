import { Check, Copy } from 'lucide-react';
import { type ReactNode, useState } from 'react';

/** Ids, parameters and other exact text. */
export function Mono({ children }: { children: ReactNode }) {
  return <code className="font-mono text-[0.93em] break-words">{children}</code>;
}

/** A button that copies `text` and says so. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    } catch {
      setCopied(false);
    }
  };
  const Icon = copied ? Check : Copy;
  return (
    <button
      type="button"
      onClick={() => void copy()}
      aria-label={copied ? `${label}: copied` : `Copy ${label}`}
      title={copied ? 'Copied' : `Copy ${label}`}
      className="inline-flex size-6 shrink-0 items-center justify-center rounded-sm text-muted hover:bg-none hover:text-text"
    >
      <Icon aria-hidden="true" size={14} />
    </button>
  );
}

/** A digest or id, cut in the middle of a row, whole in its title and its copy. */
export function Digest({
  value,
  label,
  length = 12,
}: {
  value: string;
  label: string;
  length?: number;
}) {
  return (
    <span className="inline-flex items-center gap-1 align-middle">
      <code className="font-mono text-dense" title={value}>
        {value.length > length ? `${value.slice(0, length)}…` : value}
      </code>
      <CopyButton text={value} label={label} />
    </span>
  );
}
