import { Menu } from '@base-ui/react/menu';
import { Check, ChevronDown } from 'lucide-react';
import type { ReactNode } from 'react';

const POPUP =
  'min-w-44 rounded-lg border border-line bg-surface p-1 text-text shadow-high outline-none';

/** The classes of one row in a menu. */
export const MENU_ITEM =
  'flex min-h-11 w-full items-center gap-2 rounded-md px-2.5 outline-none select-none data-[highlighted]:bg-none md:min-h-8';

interface DropdownProps {
  /** What a screen reader hears; must contain the visible text. */
  label: string;
  trigger: ReactNode;
  children: ReactNode;
  side?: 'bottom' | 'top';
  triggerClass?: string;
  chevron?: 'shown' | 'hidden';
}

/** A button that opens a menu. */
export function Dropdown({
  label,
  trigger,
  children,
  side = 'bottom',
  triggerClass = 'inline-flex min-h-11 min-w-11 items-center justify-center gap-1 rounded-md px-2 text-dense text-muted hover:bg-none hover:text-text data-[popup-open]:bg-none md:min-h-8 md:min-w-8',
  chevron = 'shown',
}: DropdownProps) {
  return (
    <Menu.Root>
      <Menu.Trigger aria-label={label} title={label} className={triggerClass}>
        {trigger}
        {chevron === 'shown' ? <ChevronDown aria-hidden="true" size={14} /> : null}
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner side={side} align="end" sideOffset={6} className="z-50">
          <Menu.Popup className={POPUP}>{children}</Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

interface ChoiceProps<T extends string> {
  name: string;
  value: T;
  options: readonly { value: T; word: string }[];
  onChange: (value: T) => void;
}

/** A group of options in a menu, one of which holds. */
export function Choice<T extends string>({ name, value, options, onChange }: ChoiceProps<T>) {
  return (
    <Menu.Group>
      <Menu.GroupLabel className="px-2.5 pt-1.5 pb-1 text-note text-muted">{name}</Menu.GroupLabel>
      <Menu.RadioGroup value={value} onValueChange={(next: T) => onChange(next)}>
        {options.map((option) => (
          <Menu.RadioItem key={option.value} value={option.value} className={MENU_ITEM}>
            <span className="inline-flex w-4">
              <Menu.RadioItemIndicator>
                <Check aria-hidden="true" size={15} />
              </Menu.RadioItemIndicator>
            </span>
            {option.word}
          </Menu.RadioItem>
        ))}
      </Menu.RadioGroup>
    </Menu.Group>
  );
}
