import { describe, expect, it } from 'vitest';
import { Guests } from './attacks/guests.ts';
import { Trial } from './attacks/trial.ts';

const PAGE = 4096n;
const HV = 28;
/** Rooms left on the stack that #HV comes at, in bytes: down to none. */
const ROOMS = [0x4000, 0x2000, 0x1800, 0x1100, 0x1000, 0xc00, 0x800, 0x400, 0x200, 0x80, 0x20];

describe('a program that fills its stack, on a host with restricted injection', () => {
  const guests = new Guests();
  const setting = { mode: 'snp', host: 'hv', without: [], mutation: undefined } as const;

  async function deep(): Promise<Trial> {
    const manifest = { program: 'deep.ts' };
    const trial = new Trial(
      setting,
      await guests.image({ host: 'hv', mutation: undefined, manifest }),
    );
    trial.launch();
    return trial;
  }

  it('needs less than a page of it for #HV, and ends with its reason where even that is not left', async () => {
    const scout = await deep();
    const itself = scout.run();
    expect(itself.ends).toBe('STACK_EXHAUSTED');
    const bottom = (scout.machine.core.state.cr2 & -PAGE) + PAGE;
    const trial = await deep();
    const { state } = trial.machine.core;
    const inStack = () => state.rsp >= bottom && state.rsp < bottom + 64n * PAGE;
    for (let at = 100_000; !inStack(); at += 50_000) trial.host.runTo(at);
    let served = 0;
    for (const room of ROOMS) {
      while (state.rsp > bottom + BigInt(room)) trial.host.runTo(trial.host.instructions + 1);
      const back = trial.mark();
      trial.inject({ vector: HV, type: 'exception' });
      const { ends, console } = trial.run();
      expect(ends, `with ${room} bytes left`).toBe('STACK_EXHAUSTED');
      // Its own calls bring it to the guard page at one place; #HV does at another, of which it says so.
      const byItself = console === itself.console;
      if (byItself) served++;
      if (room >= 0x1000) expect(byItself, `with ${room} bytes left`).toBe(true);
      back();
    }
    expect(served).toBeGreaterThanOrEqual(5);
    expect(served).toBeLessThan(ROOMS.length);
  });
});
