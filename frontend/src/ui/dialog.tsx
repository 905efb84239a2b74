import { Dialog } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import type { ReactNode, RefObject } from 'react';

interface ModalProps {
  open: boolean;
  onClose: () => void;
  title: string;
  children: ReactNode;
  /** Where the focus goes first; never a button that decides something. */
  initialFocus?: RefObject<HTMLElement | null>;
}

/** A dialog over the page. Escape and the cross close it; focus returns to where it was. */
export function Modal({ open, onClose, title, children, initialFocus }: ModalProps) {
  return (
    <Dialog.Root open={open} onOpenChange={(next) => (next ? undefined : onClose())}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-[rgb(10_13_18/0.5)]" />
        <Dialog.Popup
          initialFocus={initialFocus}
          className="fixed inset-x-0 bottom-0 z-50 max-h-[92dvh] overflow-y-auto rounded-t-lg border border-line bg-surface p-5 shadow-high md:inset-x-auto md:top-[14vh] md:bottom-auto md:left-1/2 md:w-[34rem] md:-translate-x-1/2 md:rounded-lg"
        >
          <div className="mb-3 flex items-start justify-between gap-4">
            <Dialog.Title className="text-section font-semibold">{title}</Dialog.Title>
            <Dialog.Close
              aria-label="Close"
              className="-mt-1 -mr-1 inline-flex size-8 items-center justify-center rounded-md text-muted hover:bg-none hover:text-text"
            >
              <X aria-hidden="true" size={18} />
            </Dialog.Close>
          </div>
          {children}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
