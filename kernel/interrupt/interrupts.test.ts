import { beforeAll, describe, expect, it } from 'vitest';
import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import * as Cpu from '../../spec/cpu.ts';
import * as Exit from '../../spec/exit.ts';
import * as Event from '../../spec/ghcb-event.ts';
import { view } from '../../spec/layout.ts';
import { InterruptingHost, restrictedBoot } from '../../test/kernel/interrupting-host.ts';
import {
  BareMachine,
  type Mode,
  type Options,
  PLACES,
  WAIT_OPEN,
  WAIT_OUT,
} from '../../test/kernel/machine.ts';
import { TOP } from '../../test/kernel/memory.ts';
import { assembledKernel, kernelModule } from '../../test/kernel/module.ts';
import { panicked } from '../../test/kernel/run.ts';

const HV = Cpu.VECTOR_HV;
const TIMER = 0x40;
const SPURIOUS = 0xff;
const OPENED = 0x202n;
const CLOSED = 2n;
const SIGNAL = 0x8000;
/** Where the frame lies that `trap` fills in. */
const FRAME = BigInt(PLACES.frame);

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await kernelModule();
});

const restricted = (
  host: InterruptingHost,
  program: (machine: BareMachine) => void,
  options: Partial<Options> = {},
) => restrictedBoot(module, host, program, options);

const DONE = { kind: 'exit', code: 0 };
const waiting = { rip: WAIT_OPEN, rflags: OPENED };
const busy = { rip: TOP + BigInt(PLACES.text), rflags: CLOSED };

describe('a task priority', () => {
  it('leaves in the page what is of its class or below, and signals anew what comes after', async () => {
    const { wasm } = await assembledKernel('test/fixtures/priority-kernel.ts');
    const prioritized = await WebAssembly.compile(wasm);
    const host = new InterruptingHost();
    const { end } = restrictedBoot(prioritized, host, (machine) => {
      const take = (priority: number) => machine.kernel.takeVector?.(priority);
      for (const priority of [0x40, 0x45, 0x4f, 0x50, 0xff]) {
        host.ring(machine, SIGNAL | 0x45);
        expect(take(priority), `priority ${priority}`).toBe(0);
        expect(host.word(machine)).toBe(0x45);
      }
      for (const priority of [0, 0x3f]) {
        host.ring(machine, SIGNAL | 0x45);
        expect(take(priority), `priority ${priority}`).toBe(0x45);
        expect(host.word(machine)).toBe(0);
      }
    });
    expect(end).toEqual(DONE);
  });
});

describe('#HV', () => {
  it('gets its page when the kernel starts, shared, and the host has that one', () => {
    const host = new InterruptingHost();
    const { end, machine } = restricted(host, () => {});
    expect(end).toEqual(DONE);
    expect(host.doorbell).not.toBe(0n);
    expect(machine.assigned.has(host.doorbell >> 12n)).toBe(false);
  });

  it('ends the guest if the host has another page', () => {
    const host = new InterruptingHost();
    const { answer } = host.hypervisor;
    host.hypervisor.answer = (ghcb, info1, info2) =>
      answer(ghcb, info1, info2 === 0n ? 0n : info2 + 0x1000n);
    expect(restricted(host, () => {}).end).toEqual(panicked('DOORBELL_REFUSED'));
  });

  it('clears NoFurtherSignal, takes the vector, and goes on past HLT', () => {
    const host = new InterruptingHost();
    const { end } = restricted(host, (machine) => {
      host.ring(machine, SIGNAL | TIMER);
      expect(machine.trap(HV, waiting).rip).toBe(WAIT_OUT);
      expect(host.word(machine)).toBe(0);
      expect(host.ends).toBe(1);
    });
    expect(end).toEqual(DONE);
  });

  it('ends no interrupt that the host says needs no end, and takes its leave once', () => {
    const host = new InterruptingHost();
    restricted(host, (machine) => {
      host.ring(machine, SIGNAL | TIMER, 1);
      machine.trap(HV, waiting);
      expect(host.ends).toBe(0);
      expect(host.page(machine)[2]).toBe(0);
      host.ring(machine, SIGNAL | TIMER);
      machine.trap(HV, waiting);
      expect(host.ends).toBe(1);
    });
  });

  it('is left in the page while interrupts are off', () => {
    const host = new InterruptingHost();
    const { end } = restricted(host, (machine) => {
      host.ring(machine, SIGNAL | TIMER);
      expect(machine.trap(HV, busy).rip).toBe(busy.rip);
      expect(host.word(machine)).toBe(SIGNAL | TIMER);
      expect(host.written).toEqual([]);
    });
    expect(end).toEqual(DONE);
  });

  it.each([
    ['an NMI', 0x100, 'DOORBELL_NMI'],
    ['a machine check', 0x200, 'DOORBELL_MACHINE_CHECK'],
    ['a reserved bit', 0x400, 'DOORBELL_BAD'],
    ['the last reserved bit', 0x4000, 'DOORBELL_BAD'],
  ] as const)('of %s ends the guest, interrupts on or off', (_, bits, reason) => {
    for (const where of [waiting, busy]) {
      const host = new InterruptingHost();
      const { end } = restricted(host, (machine) => {
        host.ring(machine, SIGNAL | bits);
        machine.trap(HV, where);
      });
      expect(end).toEqual(panicked(reason));
    }
  });

  it.each([
    ['2, which is NMI’s', 2, 'DOORBELL_BAD'],
    ['18, which is #MC’s', 18, 'DOORBELL_BAD'],
    ['29, which is #VC’s', 29, 'DOORBELL_BAD'],
    ['32, which nobody asked for', 32, 'UNEXPECTED_INTERRUPT'],
    ['254, which nobody asked for', 254, 'UNEXPECTED_INTERRUPT'],
  ] as const)('with vector %s ends the guest', (_, vector, reason) => {
    const host = new InterruptingHost();
    const { end } = restricted(host, (machine) => {
      host.ring(machine, SIGNAL | vector);
      machine.trap(HV, waiting);
    });
    expect(end).toEqual(panicked(reason));
  });

  it('with nothing in the page, or a spurious vector, does nothing', () => {
    const host = new InterruptingHost();
    const { end } = restricted(host, (machine) => {
      host.ring(machine, SIGNAL);
      expect(machine.trap(HV, waiting).rip).toBe(WAIT_OUT);
      host.ring(machine, SIGNAL | SPURIOUS);
      machine.trap(HV, waiting);
      expect(host.word(machine)).toBe(0);
      expect(host.ends).toBe(0);
    });
    expect(end).toEqual(DONE);
  });

  it('serves no more than four of a storm before it lets the guest go on', () => {
    const host = new InterruptingHost();
    let ring = () => {};
    const { serve } = host.hypervisor;
    host.hypervisor.serve = (call, machine) => {
      serve.call(host.hypervisor, call, machine);
      if (call.code === Exit.MSR) ring();
    };
    const { end } = restricted(host, (machine) => {
      ring = () => host.ring(machine, SIGNAL | TIMER);
      ring();
      machine.trap(HV, waiting);
      expect(host.ends).toBe(4);
    });
    expect(end).toEqual(DONE);
  });

  it('gives up on a word that changes at every look, and goes on', () => {
    const host = new InterruptingHost();
    let reads = 0;
    let storm = false;
    const onSharedLoad = (address: number, machine: BareMachine) => {
      if (!storm || BigInt(address) !== host.doorbell) return;
      host.ring(machine, SIGNAL | (reads++ % 2 === 0 ? TIMER : SPURIOUS));
    };
    const { end } = restricted(
      host,
      (machine) => {
        storm = true;
        machine.trap(HV, waiting);
        storm = false;
      },
      { onSharedLoad },
    );
    expect(end).toEqual(DONE);
    expect(reads).toBeGreaterThan(2);
    expect(reads).toBeLessThan(200);
  });

  it('within #HV is left for the one that is served', () => {
    const host = new InterruptingHost();
    let once = true;
    const { serve } = host.hypervisor;
    host.hypervisor.serve = (call, machine) => {
      if (call.code === Exit.MSR && once) {
        once = false;
        const page = machine.memory.page(FRAME);
        const frame = page.slice(0, TrapFrame.size);
        host.ring(machine, SIGNAL | TIMER);
        machine.trap(HV, busy);
        expect(view(TrapFrame, page).rip).toBe(busy.rip);
        page.set(frame);
      }
      serve.call(host.hypervisor, call, machine);
    };
    const { end } = restricted(host, (machine) => {
      host.ring(machine, SIGNAL | TIMER);
      expect(machine.trap(HV, waiting).rip).toBe(WAIT_OUT);
      expect(host.ends).toBe(2);
    });
    expect(end).toEqual(DONE);
  });

  it('nested deeper than any honest host’s ends the guest', () => {
    const host = new InterruptingHost();
    const dive = (machine: BareMachine, depth: number) => {
      const onRead = () => {
        if (depth > 0) dive(machine, --depth);
      };
      reading = onRead;
      machine.trap(HV, busy);
    };
    let reading = () => {};
    const { end } = restricted(host, (machine) => dive(machine, 6), {
      onSharedLoad: (address) => {
        if (BigInt(address) === host.doorbell) reading();
      },
    });
    expect(end).toEqual(panicked('NESTED_TOO_DEEP'));
  });

  it('has no page any more when a guest asks for a reset, and does nothing then', () => {
    const host = new InterruptingHost();
    let clears = 0;
    const { serve } = host.hypervisor;
    host.hypervisor.serve = (call, machine) => {
      if (call.code === Event.HV_DOORBELL_PAGE && call.info1 === 3n) clears++;
      serve.call(host.hypervisor, call, machine);
      if (clears === 1) {
        expect(machine.assigned.has(host.doorbell >> 12n)).toBe(false);
        clears++;
        machine.trap(HV, busy);
      }
    };
    const { machine } = restricted(host, ({ kernel }) => kernel.tacit_reset?.(1));
    expect(clears).toBe(2);
    expect(machine.assigned.has(host.doorbell >> 12n)).toBe(true);
  });

  it('in an image without restricted injection ends the guest', () => {
    const machine = new BareMachine(module, { mode: 'snp', program: (m) => m.trap(HV, waiting) });
    expect(machine.run()).toEqual(panicked('UNEXPECTED_HV'));
  });

  it('is the only way to interrupt a guest with restricted injection', () => {
    const { end } = restricted(new InterruptingHost(), (machine) => machine.trap(TIMER, waiting));
    expect(end).toEqual(panicked('UNEXPECTED_INTERRUPT'));
  });
});

describe('an interrupt by vector', () => {
  const taken = (mode: Mode, vector: number, frame: { rip: bigint; rflags: bigint }) => {
    const host = new InterruptingHost();
    let rip = 0n;
    const msrs: number[] = [];
    const machine = new BareMachine(module, {
      mode,
      hypervisor: host.hypervisor,
      program: (made) => {
        rip = made.trap(vector, frame).rip;
      },
      onWrmsr: (index) => msrs.push(index),
    });
    return { end: machine.run(), rip, host, msrs };
  };

  it('is ended through the GHCB, and goes on past HLT', () => {
    const { end, rip, host } = taken('snp', TIMER, waiting);
    expect(end).toEqual(DONE);
    expect(rip).toBe(WAIT_OUT);
    expect(host.ends).toBe(1);
  });

  it('is ended by the MSR itself where the host sees all registers', () => {
    const { end, msrs } = taken('none', TIMER, waiting);
    expect(end).toEqual(DONE);
    expect(msrs).toContain(0x80b);
  });

  it('that is spurious is not ended', () => {
    const { end, host } = taken('snp', SPURIOUS, waiting);
    expect(end).toEqual(DONE);
    expect(host.ends).toBe(0);
  });

  it.each([
    ['with interrupts off', { rip: WAIT_OPEN, rflags: CLOSED }],
    ['anywhere but in the wait', { rip: TOP + BigInt(PLACES.text), rflags: OPENED }],
    ['before the wait is open', { rip: WAIT_OPEN - 1n, rflags: OPENED }],
    ['after the wait', { rip: WAIT_OUT + 1n, rflags: OPENED }],
  ])('%s ends the guest', (_, frame) => {
    const { end, host } = taken('snp', TIMER, frame);
    expect(end).toEqual(panicked('INTERRUPT_WHILE_OFF'));
    expect(host.ends).toBe(0);
  });
});
