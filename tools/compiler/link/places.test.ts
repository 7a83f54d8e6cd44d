import { describe, expect, it } from 'vitest';
import { Places } from './places.ts';

describe('Places', () => {
  it('gives whole pages one after the other, with a page left out where asked', () => {
    const places = new Places(0x1000, []);
    expect(places.take(1)).toBe(0x1000);
    expect(places.take(0x1001)).toBe(0x2000);
    places.skipPage();
    expect(places.take(0x1000)).toBe(0x5000);
  });

  it('goes around what is taken', () => {
    const places = new Places(0x1000, [
      { start: 0x4000, end: 0x6000 },
      { start: 0x7000, end: 0x8000 },
    ]);
    expect(places.take(0x3000)).toBe(0x1000);
    expect(places.take(0x1000)).toBe(0x6000);
    expect(places.take(0x1000)).toBe(0x8000);
    const wide = new Places(0x1000, [{ start: 0x4000, end: 0x6000 }]);
    expect(wide.take(0x3001)).toBe(0x6000);
  });
});
