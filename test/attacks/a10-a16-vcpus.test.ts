import { VECTOR_GP } from '../../spec/cpu.ts';
import { view } from '../../spec/layout.ts';
import { Vmsa } from '../../spec/layouts/vmsa.ts';
import { PAGE_SIZE as LARGE, PRESENT, WRITABLE } from '../../spec/paging.ts';
import * as Rmp from '../../spec/rmp.ts';
import { R8, RAX, RBX, RCX, RDX } from '../../tools/compiler/x86/operand.ts';
import { HostileHost } from '../../tools/emulator/hostile.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import { launchIgvm } from '../../tools/emulator/launch/igvm.ts';
import { createMachine } from '../../tools/emulator/machine.ts';
import { encrypted, type Mode, protectedState } from '../../tools/emulator/mode.ts';
import { CODE_GPA, type GuestCode, guestImage, guestVmsa } from '../guest.ts';
import { CANARY } from './canary.ts';
import { type Attack, type Outcome, type Setting, testRow } from './row.ts';
import { accept, boot, CELL, expectHalt, HONEST, runOn, SECRET } from './victim.ts';

const MIB_2 = 0x20_0000;
/** What the second process has at the address where the first has {@link CELL}. */
const OWN = CELL + MIB_2;
const POISON = 0x6666_7777_8888_9999n;

/** Tables of the second process: as those of the first, but for one page of 2 MiB. */
const TABLES = { root: 0xa000, pointers: 0xb000, directory: 0xc000 };
function secondTables(mode: Mode): Map<number, Uint8Array> {
  const cBit = encrypted(mode) ? 1n << 51n : 0n;
  const table = (entries: readonly (readonly [number, number])[], flags: number) => {
    const bytes = new Uint8Array(PAGE);
    const words = new DataView(bytes.buffer);
    for (const [index, to] of entries) {
      const small = to < MIB_2 ? 0 : flags;
      words.setBigUint64(index * 8, BigInt(to) | BigInt(PRESENT | WRITABLE | small) | cBit, true);
    }
    return bytes;
  };
  const high = Array.from({ length: 510 }, (_, i) => [i + 2, (i + 2) * MIB_2] as const);
  const moved = high.map(([index, to]) => [index, to === CELL ? OWN : to] as const);
  return new Map([
    [TABLES.root, table([[0, TABLES.pointers]], 0)],
    [TABLES.pointers, table([[0, TABLES.directory]], 0)],
    [TABLES.directory, table([[0, 0x4000], [1, 0x5000], ...moved], LARGE)],
  ]);
}

/** A process reads its page; on another vCPU another process reads its own, which has the same address. */
function poison(setting: Setting): Outcome {
  const { mode, host: hostName, without } = setting;
  let read = 0;
  const build = (guest: GuestCode) => {
    for (const gpa of [CELL, OWN]) accept(guest, setting, gpa);
    guest.store(CELL, POISON);
    guest.store(OWN, HONEST);
    read = CODE_GPA + guest.asm.size;
    guest.load(RBX, CELL);
  };
  const image = guestImage(mode, build, { pages: secondTables(mode) });
  const machine = createMachine({ mode, host: hostName, without, memory: 8 << 20 });
  const host = new HostileHost(machine);
  const second = { rip: BigInt(read), cr3: BigInt(TABLES.root) };
  host.addVcpus((first) => {
    const page = first.slice();
    Object.assign(view(Vmsa, page), second);
    return [page];
  });
  launchIgvm(machine, image);
  expectHalt(host);
  host.keepTranslations();
  if (protectedState(mode)) host.switchVcpu(machine.vmsaFrames[1] ?? -1);
  else Object.assign(machine.vcpu.registers, second);
  expectHalt(host);
  const { rbx } = machine.core.state;
  return { won: rbx === POISON, surface: rbx === HONEST ? 'FLUSH' : undefined };
}
testRow('A10', { 'switching vCPUs without a flush': poison });

const LOWER = 1;
const LOWER_VMSA = 0xa000;
/** What code at the lower VMPL cannot do without: tables, GDT, IDT, stack, its own code. */
const WRITABLE_PAGES = [0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000, 0x7000, 0xf000];

/** RMPADJUST of a 4 KiB page for `vmpl`; the answer is in RAX. */
function adjust(guest: GuestCode, page: number, vmpl: number, attributes: number): void {
  guest.set(RAX, page);
  guest.set(RCX, Rmp.PAGE_4K);
  guest.set(RDX, vmpl | attributes);
  guest.asm.op('rmpadjust');
}

const rights = (mask: number) => mask << 8;

/**
 * VMPL 0 keeps the canary to itself, gives VMPL 1 what it needs to run `lower`, and makes it a VMSA; the host
 * enters that.
 */
function fromBelow(lower: (guest: GuestCode) => void, won: (host: HostileHost) => boolean): Attack {
  return (setting) => {
    const page = guestVmsa();
    let rip = 0;
    const build = (guest: GuestCode) => {
      const upper = guest.asm.label();
      guest.asm.op('jmp rel32', upper);
      rip = CODE_GPA + guest.asm.size;
      lower(guest);
      guest.halt();
      guest.asm.bind(upper);
      accept(guest, setting, SECRET);
      guest.store(SECRET, CANARY);
      guest.request((1n << 52n) | BigInt(CELL) | 0x014n);
      const all = rights(Rmp.READ | Rmp.WRITE);
      for (const at of WRITABLE_PAGES) adjust(guest, at, LOWER, all);
      const code = rights(Rmp.READ | Rmp.EXECUTE_SUPERVISOR);
      for (const at of [CODE_GPA, CODE_GPA + PAGE]) adjust(guest, at, LOWER, code);
      adjust(guest, LOWER_VMSA, LOWER, Rmp.ATTRIBUTE_VMSA);
      guest.set(RAX, 0);
    };
    guestImage(setting.mode, build);
    Object.assign(view(Vmsa, page), { rip: BigInt(rip), vmpl: LOWER, sevFeatures: 1n });
    const host = boot(setting, build, {}, { pages: new Map([[LOWER_VMSA, page]]) });
    expectHalt(host);
    const { vcpu, memory, core } = host.machine;
    const gfn = LOWER_VMSA / PAGE;
    vcpu.startProtected(memory.frameOf(gfn) ?? -1, memory, gfn);
    const { surface } = runOn(host);
    if (core.control.vmpl !== LOWER) throw new RangeError('VMPL 1 did not run');
    const refused = core.state.r8 === BigInt(Rmp.FAIL_PERMISSION) ? 'PERMISSION' : undefined;
    return { won: won(host), surface: surface ?? refused };
  };
}

const knowsCanary = ({ machine }: HostileHost) => machine.core.state.rbx === CANARY;

testRow('A16', {
  'reading a page of VMPL 0': fromBelow((guest) => guest.load(RBX, SECRET), knowsCanary),
  'validating a page': fromBelow(
    (guest) => guest.pvalidate(CELL),
    ({ machine }) => {
      const frame = machine.memory.frameOf(CELL / PAGE) ?? -1;
      return (
        machine.core.state.r15 !== BigInt(VECTOR_GP) && machine.core.frames.rmp(frame).validated
      );
    },
  ),
  'giving itself rights': fromBelow((guest) => {
    adjust(guest, SECRET, LOWER, rights(Rmp.READ));
    guest.asm.op('mov r64, r/m64', R8, RAX);
    const refused = guest.asm.label();
    guest.asm.op('test r/m64, r64', RAX, RAX);
    guest.asm.op('jne rel32', refused);
    guest.load(RBX, SECRET);
    guest.asm.bind(refused);
  }, knowsCanary),
});
