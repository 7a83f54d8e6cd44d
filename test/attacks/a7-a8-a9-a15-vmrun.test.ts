import * as Exit from '../../spec/exit.ts';
import * as Launch from '../../spec/launch.ts';
import { view } from '../../spec/layout.ts';
import { Vmsa } from '../../spec/layouts/vmsa.ts';
import { mem, R8, RAX, RBX, RCX, RDX } from '../../tools/compiler/x86/operand.ts';
import { HostileHost } from '../../tools/emulator/hostile.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import { launchIgvm } from '../../tools/emulator/launch/igvm.ts';
import { check, launchPage, startSnp } from '../../tools/emulator/launch/sev.ts';
import { createMachine } from '../../tools/emulator/machine.ts';
import { protectedState } from '../../tools/emulator/mode.ts';
import { UserError } from '../../tools/errors.ts';
import {
  CODE_GPA,
  FREE_GPA,
  type GuestCode,
  guestImage,
  guestVmsa,
  SHARED_VIEW,
} from '../guest.ts';
import { CANARY, canaryBytes, leaks } from './canary.ts';
import { type Outcome, type Setting, testRow } from './row.ts';
import type { Surface } from './verdict.ts';
import {
  accept,
  attempt,
  boot,
  CELL,
  expectHalt,
  HONEST,
  keeper,
  MAILBOX,
  runOn,
  SECRET,
} from './victim.ts';

/** RFLAGS and RIP share sixteen bytes of a VMSA: what the memory controller encrypts at a time. */
const RIP_BLOCK = 0x170;

/** Two steps, a halt after each; the second one must not be skipped or done again. */
function twoSteps(guest: GuestCode): void {
  guest.set(RBX, CANARY);
  guest.halt();
  guest.asm.op('inc r/m64', R8);
  guest.halt();
  guest.asm.op('inc r/m64', R8);
}

/** Has the guest do its first step once more: by its RIP where the host can write it, by the block that holds it. */
function tamper(setting: Setting): Outcome {
  const host = boot(setting, twoSteps);
  const { machine } = host;
  expectHalt(host);
  const seen = leaks(machine, canaryBytes());
  const before = protectedState(setting.mode) ? host.readVmsa() : undefined;
  const rip = machine.core.state.rip;
  expectHalt(host);
  let surface: Surface | undefined;
  if (before) {
    const page = host.readVmsa();
    page.set(before.subarray(RIP_BLOCK, RIP_BLOCK + 16), RIP_BLOCK);
    surface = attempt(host, () => host.replayVmsa(page));
  } else machine.vcpu.registers.rip = rip;
  const { halted, surface: shown } = runOn(host);
  // Once more from the first step on is one step more than there was.
  const twice = halted && machine.core.state.r8 === 2n && machine.core.state.rip === rip + 4n;
  const read = protectedState(setting.mode) || seen.includes('rbx');
  return { won: twice && read, surface: surface ?? shown };
}
testRow('A7', { 'editing saved registers': tamper });

/** Puts the whole VMSA of the first halt back at the second one. */
function replayVmsa(setting: Setting): Outcome {
  const host = boot(setting, twoSteps);
  expectHalt(host);
  const old = host.readVmsa();
  expectHalt(host);
  const refused = attempt(host, () => host.replayVmsa(old));
  const { surface, halted } = runOn(host);
  const won = halted && host.machine.core.state.r8 === 1n;
  return { won, surface: refused ?? surface };
}
testRow('A8', { 'putting an old VMSA back': replayVmsa });

/** Shaped like an entry of a page table: present, and bits 51:48 clear. */
const TABLE_SHAPED = 0x5eed_cafe_d067n;

/** The processor walks a page of the guest's as a page table, and says in its fault where that leads. */
function walkSecret(setting: Setting): Outcome {
  const host = boot(setting, (guest) => {
    accept(guest, setting, SECRET);
    guest.store(SECRET, TABLE_SHAPED);
    guest.set(RAX, 0);
  });
  expectHalt(host);
  const { core, memory, vcpu } = host.machine;
  const frame = memory.frameOf(SECRET / PAGE) ?? -1;
  if (protectedState(setting.mode)) {
    // CR3 is in the VMSA: what it points to is not.
    const tables = Number(core.state.cr3) / PAGE;
    host.remap(tables, frame);
  } else {
    // A VMCB of the host's own, with the guest's ASID: only CR3 matters.
    vcpu.registers.cr3 = BigInt(SECRET);
    core.flush();
  }
  const exit = vcpu.run(1);
  const table = TABLE_SHAPED & ~0xfffn;
  const won = exit.code === Exit.NPF && (exit.info2 & ~0xfffn) === table;
  const refused = exit.code === Exit.NPF && (exit.info1 & 0x8000_0000n) !== 0n;
  return { won, surface: refused ? 'NPF.R' : undefined };
}

/** Code that any program has: it brings eight bytes from one place to another. */
function mover(guest: GuestCode): number {
  const at = CODE_GPA + guest.asm.size;
  guest.asm.op('mov r64, r/m64', RBX, mem(RCX));
  guest.asm.op('mov r/m64, r64', mem(RDX), RBX);
  guest.halt();
  return at;
}

/** The host runs a state of its own making under the guest's ASID: the guest's code, where it wants it. */
function runForeignState(setting: Setting): Outcome {
  const forged = guestVmsa();
  const save = view(Vmsa, forged);
  const message = FREE_GPA;
  let rip = 0;
  const host = boot(setting, (guest) => {
    const start = guest.asm.label();
    guest.asm.jmp(start);
    rip = mover(guest);
    guest.asm.bind(start);
    for (const gpa of [message, SECRET]) accept(guest, setting, gpa);
    guest.store(SECRET, CANARY);
    guest.halt();
    // What comes from the network is kept in a page of the guest's own.
    guest.copy(SHARED_VIEW + MAILBOX, message, PAGE);
    guest.set(RAX, 0);
  });
  const { memory, vcpu } = host.machine;
  Object.assign(save, { rip: BigInt(rip), rcx: BigInt(SECRET) });
  Object.assign(save, { rdx: BigInt(SHARED_VIEW + MAILBOX), sevFeatures: 1n });
  expectHalt(host);
  if (protectedState(setting.mode)) {
    host.writeGuest(BigInt(MAILBOX), forged);
    expectHalt(host);
    const gfn = message / PAGE;
    vcpu.startProtected(memory.frameOf(gfn) ?? -1, memory, gfn);
  } else Object.assign(vcpu.registers, { rip: save.rip, rcx: save.rcx, rdx: save.rdx });
  const { surface } = runOn(host);
  const mailbox = `frame 0x${(MAILBOX / PAGE).toString(16)}`;
  return { won: leaks(host.machine, canaryBytes()).includes(mailbox), surface };
}

/** A guest of the host's own leaves a validated page where the next guest under its ASID has another one. */
function leavePage(setting: Setting): Outcome {
  const { mode, host: hostName, without } = setting;
  const machine = createMachine({ mode, host: hostName, without, memory: 8 << 20 });
  const { core, psp, memory } = machine;
  const left = memory.allocateFrame();
  const before = startSnp(machine, 0x3_0000n);
  launchPage(machine, before, { frame: left, gfn: CELL / PAGE, type: Launch.ZERO });
  check(psp.launchFinish(before), 'SNP_LAUNCH_FINISH');
  check(psp.decommission(before), 'SNP_DECOMMISSION');
  try {
    launchIgvm(machine, guestImage(mode, keeper(setting)));
  } catch (error) {
    const refused = error instanceof UserError && error.message.includes('INVALID_CONFIG');
    return { won: false, surface: refused ? 'CONFIG' : undefined };
  }
  const host = new HostileHost(machine);
  expectHalt(host);
  host.remap(CELL / PAGE, left);
  const { halted } = runOn(host);
  return { won: halted && core.state.rbx !== HONEST };
}

testRow('A9', {
  'reading memory as page tables': walkSecret,
  'running a state of its own under the guest’s ASID': runForeignState,
  'leaving pages under the ASID that the guest is to get': leavePage,
});

/** What may be done once, such as using a nonce, is done on two processors. */
function runTwice(setting: Setting): Outcome {
  const host = boot(setting, (guest) => {
    accept(guest, setting, SECRET);
    guest.store(SECRET, 0);
    guest.set(RCX, SECRET);
    guest.halt();
    guest.asm.op('inc r/m64', mem(RCX));
    for (let i = 0; i < 4; i++) guest.asm.op('nop');
  });
  const { vcpu } = host.machine;
  vcpu.writesBack = true;
  expectHalt(host);
  // One processor is past the step, and still in the guest, when the other begins it.
  vcpu.run(3);
  const exit = host.runElsewhere(3);
  expectHalt(host);
  return {
    won: readSecret(host) === 2n,
    surface: exit.code === Exit.INVALID ? 'VMRUN.X' : undefined,
  };
}

/** What the guest has in its page, as the guest itself would see it. */
function readSecret({ machine }: HostileHost): bigint {
  const spa = machine.memory.spa(BigInt(SECRET)) ?? -1;
  return Buffer.from(machine.core.read(spa, 8, machine.asid)).readBigUInt64LE();
}

testRow('A15', { 'running one VMSA on two processors': runTwice });
