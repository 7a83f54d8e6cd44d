/** Makes tests of a row of the matrix: the verdict everywhere, and that each control turns it. */
import { describe, expect, it } from 'vitest';
import type { Check } from '../../tools/emulator/checks.ts';
import type { HostName } from '../../tools/emulator/hypervisor/host-profile.ts';
import type { Mode } from '../../tools/emulator/mode.ts';
import { MATRIX } from './matrix.ts';
import type { Mutation } from './mutations.ts';
import type { Cell, Control, Place, Surface } from './verdict.ts';

/** The machine and the guest that an attack is made on. */
export interface Setting {
  readonly mode: Mode;
  readonly host: HostName;
  /** Checks of the machine's that are lifted. */
  readonly without: readonly Check[];
  /** The check that the kernel was built without. */
  readonly mutation: Mutation | undefined;
}

/** What an attack came to. */
export interface Outcome {
  /** The canary leaked, or the guest goes on with what the attacker made it believe. */
  readonly won: boolean;
  /** What the architecture showed, where it denied the attack. */
  readonly surface?: Surface | undefined;
  /** Name of the reason that the guest ended with, or 'unharmed'. */
  readonly ends?: string | undefined;
}

export type Attack = (setting: Setting) => Outcome | Promise<Outcome>;

/** Tests of row `id`: one attack for each of its ways, by name. */
export function testRow(id: string, attacks: Readonly<Record<string, Attack>>): void {
  const row = MATRIX.find((one) => one.id === id);
  if (!row) throw new RangeError(`the matrix has no row ${id}`);
  describe(`${id} ${row.title}`, () => {
    it('is made in all the ways that the matrix has', () => {
      expect(Object.keys(attacks)).toEqual(row.ways.map(({ how }) => how));
    });
    for (const { how, cells } of row.ways) {
      const attack = attacks[how];
      if (!attack) continue;
      for (const [place, cell] of Object.entries(cells) as [Place, Cell][]) {
        testCell(`${id} in ${place}: ${how}`, attack, place, cell);
      }
    }
  });
}

function testCell(name: string, attack: Attack, place: Place, cell: Cell): void {
  const make = (control?: Control) => attack(settingOf(place, control));
  if (cell.verdict === 'W') {
    it(`${name}: the attacker wins`, async () => {
      expect(await make()).toMatchObject({ won: true });
    });
    return;
  }
  if (cell.verdict === 'D') {
    it(`${name}: the architecture denies it (${cell.surface})`, async () => {
      expect(await make()).toMatchObject({ won: false, surface: cell.surface });
    });
  } else {
    it(`${name}: the guest defends (${cell.ends})`, async () => {
      expect(await make()).toMatchObject({ won: false, ends: cell.ends });
    });
  }
  for (const control of cell.controls) {
    it(`${name}: without ${nameOf(control)} the attacker wins`, async () => {
      for (const fewer of smaller(control)) {
        expect(await make(fewer), nameOf(fewer)).toMatchObject({ won: false });
      }
      expect(await make(control)).toMatchObject({ won: true });
    });
  }
}

function settingOf(place: Place, control: Control | undefined): Setting {
  const mode = place === 'snp-hv' ? 'snp' : place;
  const host = place === 'snp-hv' ? 'hv' : 'kvm';
  const without = control && 'without' in control ? control.without : [];
  const mutation = control && 'mutation' in control ? control.mutation : undefined;
  return { mode, host, without, mutation };
}

/** The control with one of its checks made after all, for each of them. */
function smaller(control: Control): Control[] {
  if (!('without' in control)) return [];
  const { without } = control;
  if ('mutation' in control) return [{ without }, { mutation: control.mutation }];
  return without.flatMap((check) => {
    const [first, ...rest] = without.filter((other) => other !== check);
    return first === undefined ? [] : [{ without: [first, ...rest] as const }];
  });
}

function nameOf(control: Control): string {
  const checks = 'without' in control ? control.without : [];
  return [...checks, ...('mutation' in control ? [control.mutation] : [])].join(', ');
}
