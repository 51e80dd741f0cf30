/**
 * Whether the windows that were kept have the form in which a program keeps them now. The engine
 * chooses the form by assigner, trigger and lateness, and no form reads another: windows would
 * begin empty, or never fire.
 */
import type { StateRefusal } from '../state/state-evolution.ts';

/** Of each form; what is between parentheses says what numbers mean. */
const OF_FORMS: ReadonlySet<string> = new Set([
  'key-timers',
  'key-windows',
  'merging-window-set',
  'sessions',
  'window-contents',
  'window-timers',
]);

/** Undefined: they go on, as far as it depends on this. */
export function windowFormRefusal(
  stored: readonly string[],
  declared: readonly string[],
): StateRefusal | undefined {
  const [before, now] = [formOf(stored), formOf(declared)];
  if (before === '' || before === now) return undefined;
  return {
    field: 'windows',
    reason:
      `windows were kept in the form of ${before}, and the program keeps them as ${now}: ` +
      'its assigner, trigger, evictor or lateness is another',
    fix:
      'Take the former window and trigger, or give the operator another uid and let its windows ' +
      'begin empty (--allowNonRestoredState).',
  };
}

function formOf(names: readonly string[]): string {
  return names
    .filter((name) => OF_FORMS.has(name.replace(/\(.*$/, '')))
    .toSorted()
    .join(', ');
}
