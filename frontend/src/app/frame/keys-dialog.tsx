import { Modal } from '@/ui/dialog';
import { PLACES } from './places';

const KEYS: readonly [string, string][] = [
  ['n', 'Run agent'],
  ['?', 'this list'],
  ...PLACES.map((place): [string, string] => [`g ${place.key}`, place.word]),
  ['a', 'on an approval: open the approve dialog (decides nothing yet)'],
  ['d', 'on an approval: open the deny dialog'],
  ['.', 'on a run: fold or unfold all steps'],
  ['Ctrl Enter', 'in a dialog: send it'],
];

/** The keys that work, for those who ask. */
export function KeysDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Modal open={open} onClose={onClose} title="Keys">
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5">
        {KEYS.map(([key, does]) => (
          <div key={key} className="contents">
            <dt>
              <kbd className="rounded-sm border border-control px-1.5 py-0.5 font-mono text-note">
                {key}
              </kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p className="mt-4 text-note text-muted">
        Single keys can be switched off in the session menu. Everything also works with Tab alone.
      </p>
    </Modal>
  );
}
