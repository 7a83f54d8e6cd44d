import { interpolateViridis, interpolateYlGnBu } from 'd3-scale-chromatic';
import { type Kind, kinds } from './dump.ts';

/** Steps of half a bit per byte; a page of one byte value, such as zeros, is a colour apart. */
export const ENTROPY_STEPS = 16;

/** CSS class of an entropy in bits per byte. */
export function entropyClass(bits: number): string {
  if (bits === 0) return 'flat';
  return `e${Math.min(ENTROPY_STEPS - 1, Math.floor((bits / 8) * ENTROPY_STEPS))}`;
}

/** Told apart by colour-blind readers too, and by lightness alone. */
const stateColours: Readonly<Record<Kind, readonly [light: string, dark: string]>> = {
  written: ['#0b5c8f', '#4aa8e0'],
  untouched: ['#c3dbea', '#25435a'],
  shared: ['#d9480f', '#ff7d45'],
  unvalidated: ['#e2b007', '#d8b13c'],
  hypervisor: ['#8d9299', '#6b717a'],
};

/** Custom properties for one theme: `--written`, …, `--flat`, `--e0`, … `--e15`. */
export function paletteVariables(theme: 'light' | 'dark'): string {
  const index = theme === 'light' ? 0 : 1;
  const states = kinds.map((kind) => `--${kind}: ${stateColours[kind][index]};`);
  const steps = Array.from({ length: ENTROPY_STEPS }, (_, i) => {
    const t = (i + 0.5) / ENTROPY_STEPS;
    const colour =
      theme === 'light' ? interpolateYlGnBu(0.18 + 0.8 * t) : interpolateViridis(0.12 + 0.7 * t);
    return `--e${i}: ${colour};`;
  });
  const flat = `--flat: ${theme === 'light' ? '#e9eaec' : '#2a2d31'};`;
  return [...states, flat, ...steps].join(' ');
}

/** One rule for each class that a map or chart paints with. */
export function paletteRules(): string {
  const steps = Array.from({ length: ENTROPY_STEPS }, (_, i) => `e${i}`);
  return [...kinds, 'flat', ...steps]
    .map((name) => `.${name} { fill: var(--${name}); background: var(--${name}); }`)
    .join('\n');
}
