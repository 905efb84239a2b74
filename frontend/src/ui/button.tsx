import type { ComponentProps } from 'react';

export type ButtonLook = 'primary' | 'plain' | 'quiet' | 'danger';

const LOOK: Record<ButtonLook, string> = {
  primary: 'bg-accent text-on-accent border-transparent enabled:hover:bg-accent-strong',
  plain: 'bg-surface text-text border-control enabled:hover:bg-sunken',
  quiet: 'bg-transparent text-text border-transparent enabled:hover:bg-none',
  danger: 'bg-surface text-deny-ink border-deny-ink enabled:hover:bg-sunken',
};

const BASE =
  'inline-flex items-center justify-center gap-1.5 rounded-md border px-3 min-h-11 md:min-h-8 font-medium whitespace-nowrap select-none disabled:opacity-55 disabled:cursor-not-allowed aria-disabled:opacity-55';

/** The classes of a button, for links that look like one. */
export function buttonClass(look: ButtonLook, extra = ''): string {
  return `${BASE} ${LOOK[look]} ${extra}`;
}

/** A button; `look` says how loud it is. */
export function Button({
  look = 'plain',
  className = '',
  type = 'button',
  ...rest
}: ComponentProps<'button'> & { look?: ButtonLook }) {
  return <button type={type} className={buttonClass(look, className)} {...rest} />;
}
