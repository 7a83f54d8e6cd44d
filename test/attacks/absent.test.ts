import { beforeAll, describe, expect, it } from 'vitest';
import { SELECTOR_CODE64, TOP } from '../../boot/memory-map.ts';
import * as Exit from '../../spec/exit.ts';
import * as Event from '../../spec/ghcb-event.ts';
import * as Igvm from '../../spec/igvm.ts';
import { view } from '../../spec/layout.ts';
import { IgvmVpContext } from '../../spec/layouts/igvm.ts';
import { EFER_SCE, X2APIC } from '../../spec/msr.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import type { Mode } from '../../tools/emulator/mode.ts';
import { readIgvm } from '../../tools/image/igvm-reader.ts';
import type { Host } from '../../tools/image/manifest.ts';
import { programSecret } from '../secret.ts';
import { Guests } from './guests.ts';
import { mustEnd, Trial } from './trial.ts';

const guests = new Guests();
const SETTINGS: readonly { mode: Mode; host: Host }[] = [
  ...(['none', 'sev', 'sev-es', 'snp'] as const).map((mode) => ({ mode, host: 'kvm' as const })),
  { mode: 'snp', host: 'hv' },
];
const PROTECTED = SETTINGS.filter(({ mode }) => mode === 'sev-es' || mode === 'snp');
/** The x2APIC's MSR that starts other processors. */
const INTERRUPT_COMMAND = X2APIC + 0x30;
/** Places in the victim's run, in instructions after its first line. */
const PLACES = [101, 9_973, 100_003];

const images = new Map<Host, Uint8Array>();
beforeAll(async () => {
  for (const host of ['kvm', 'hv'] as const) {
    images.set(host, await guests.image({ host, mutation: undefined }));
  }
});

/** The victim, launched and with everything that it asks for written down. */
function victim({ mode, host }: { mode: Mode; host: Host }) {
  const setting = { mode, host, without: [], mutation: undefined };
  const trial = new Trial(setting, images.get(host) ?? new Uint8Array());
  const asked = { events: new Set<number>(), ports: new Set<number>(), msrs: new Set<number>() };
  const { answers } = trial.machine.hypervisor;
  const { readMsr, writeMsr } = answers;
  answers.readMsr = (of, index) => {
    asked.msrs.add(index);
    return readMsr(of, index);
  };
  answers.writeMsr = (of, index, value) => {
    asked.msrs.add(index);
    return writeMsr(of, index, value);
  };
  const noteEvent = trial.machine.hypervisor.noteEvent.bind(trial.machine.hypervisor);
  trial.machine.hypervisor.noteEvent = (request) => {
    asked.events.add(request.code);
    if (request.code === Exit.IOIO) asked.ports.add(Number(request.info1 >> 16n));
    noteEvent(request);
  };
  const io = answers.exits.get(Exit.IOIO);
  answers.exits.set(Exit.IOIO, (of, exit) => {
    asked.ports.add(Number(exit.info1 >> 16n));
    io?.(of, exit);
  });
  trial.launch();
  return { trial, asked };
}

/** The bytes of a table in the guest's memory, of which `base` is the address. */
function table(trial: Trial, base: bigint, limit: number): Buffer {
  const place = Number(base - TOP);
  const pages = Math.ceil(((place % PAGE) + limit + 1) / PAGE);
  const first = Math.floor(place / PAGE);
  const bytes = Buffer.concat(Array.from({ length: pages }, (_, i) => trial.guestPage(first + i)));
  return bytes.subarray(place % PAGE, (place % PAGE) + limit + 1);
}

describe.each(SETTINGS)('the guest in mode $mode (host $host)', (setting) => {
  it('has no segment and no gate of CPL 3', () => {
    const { trial } = victim(setting);
    trial.run();
    const { gdtr, idtr, cpl, efer } = trial.machine.core.state;
    const gdt = table(trial, gdtr.base, gdtr.limit);
    const levels = Array.from({ length: gdt.length / 8 }, (_, i) => (gdt[i * 8 + 5] ?? 0) >> 5);
    // The presence bit is the level's neighbour; the TSS's second half has neither.
    expect(levels.filter((level) => (level & 3) !== 0)).toEqual([]);
    const idt = table(trial, idtr.base, idtr.limit);
    expect(idt.length).toBe(256 * 16);
    for (let vector = 0; vector < 256; vector++) {
      const attributes = idt[vector * 16 + 5] ?? 0;
      expect(attributes & 0x60, `vector ${vector}`).toBe(0);
      expect(idt.readUInt16LE(vector * 16 + 2), `vector ${vector}`).toBe(SELECTOR_CODE64);
    }
    expect(cpl).toBe(0);
    // SYSRET is the other way to CPL 3.
    expect(efer & BigInt(EFER_SCE)).toBe(0n);
  });

  it('reads no table of the firmware’s', () => {
    const { trial, asked } = victim(setting);
    expect(trial.run().ends).toBe('unharmed');
    // The ports by which QEMU hands over ACPI tables and other files.
    for (const port of [0x510, 0x511, 0x514]) expect(asked.ports).not.toContain(port);
    // Where a BIOS has its tables begin; RAM to the guest, which in mode none it never has to touch.
    if (setting.mode !== 'none') return;
    const again = victim(setting).trial;
    const { frames } = again.machine.core;
    for (let gfn = 0xe0; gfn < 0x100; gfn++) frames.watch(gfn, true);
    const looked: bigint[] = [];
    again.machine.hypervisor.onAccess = (gpa) => looked.push(gpa);
    again.run();
    expect(looked).toEqual([]);
  });

  it('starts with one processor and asks for no other', () => {
    const file = readIgvm(images.get(setting.host) ?? new Uint8Array());
    const contexts = file.headers
      .filter(({ type }) => type === Igvm.VP_CONTEXT)
      .map(({ content }) => view(IgvmVpContext, content));
    const masks = contexts.map(({ compatibilityMask }) => compatibilityMask);
    expect(masks.reduce((all, mask) => all & mask, ~0)).toBe(0);
    expect(contexts.map(({ vpIndex }) => vpIndex)).toEqual(contexts.map(() => 0));
    const { trial, asked } = victim(setting);
    expect(trial.run().ends).toBe('unharmed');
    for (const event of [Event.AP_CREATION, Event.AP_RESET_HOLD, Event.AP_JUMP_TABLE]) {
      expect(asked.events).not.toContain(event);
    }
    expect(asked.events).not.toContain(Event.RUN_VMPL);
    expect(asked.msrs).not.toContain(INTERRUPT_COMMAND);
  });
});

describe.each(PROTECTED)('the guest in mode $mode (host $host)', (setting) => {
  it('decodes no memory access', () => {
    const { trial, asked } = victim(setting);
    trial.runToLine('open');
    const [gfn = 0] = trial.framesWith(programSecret());
    const back = trial.mark();
    trial.host.makeDevice(gfn);
    expect(mustEnd(trial.run())).toEqual({ won: false, ends: 'VC_NESTED_PAGE_FAULT' });
    if (setting.host === 'kvm') {
      for (const place of PLACES) {
        back();
        trial.host.runTo(trial.host.instructions + place);
        trial.inject({ vector: 29, errorCode: Exit.NPF });
        expect(mustEnd(trial.run())).toEqual({ won: false, ends: 'VC_NESTED_PAGE_FAULT' });
      }
    }
    expect(asked.events).not.toContain(Event.MMIO_READ);
    expect(asked.events).not.toContain(Event.MMIO_WRITE);
  });
});
