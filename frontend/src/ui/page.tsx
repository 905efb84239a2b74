import { type ReactNode, useEffect, useRef } from 'react';

interface PageProps {
  title: string;
  /** What the browser's title says, where it differs. */
  windowTitle?: string;
  badge?: ReactNode;
  lead?: ReactNode;
  actions?: ReactNode;
  /** `heading` on screens where a key pressed right after loading must not reach a button. */
  firstFocus?: 'heading';
  children: ReactNode;
}

/** A screen. After a change of screen the frame moves the focus to its heading. */
export function Page({
  title,
  windowTitle,
  badge,
  lead,
  actions,
  firstFocus,
  children,
}: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (firstFocus === 'heading') heading.current?.focus();
  }, [firstFocus]);
  const tabTitle = `${windowTitle ?? title} · Countersign`;
  return (
    <div className="mx-auto w-full max-w-[1280px] px-4 py-5 md:px-6 md:py-6">
      <title>{tabTitle}</title>
      <header className="mb-4 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
            <h1 ref={heading} tabIndex={-1} className="text-page font-semibold break-words">
              {title}
            </h1>
            {badge}
          </div>
          {lead ? <div className="mt-1 max-w-[72ch] text-muted">{lead}</div> : null}
        </div>
        {actions ? <div className="flex flex-wrap gap-2">{actions}</div> : null}
      </header>
      {children}
    </div>
  );
}
