import { beforeAll, describe, expect, it } from 'vitest';
import * as Cpuid from '../../spec/cpuid.ts';
import * as Event from '../../spec/ghcb-event.ts';
import { view } from '../../spec/layout.ts';
import { MessageHeader } from '../../spec/layouts/guest-message.ts';
import { SecretsPage } from '../../spec/layouts/secrets.ts';
import * as Status from '../../spec/psp-status.ts';
import { type Call, HonestHypervisor } from '../../test/kernel/hypervisor.ts';
import { BareMachine, type Options, PLACES } from '../../test/kernel/machine.ts';
import { kernelModule } from '../../test/kernel/module.ts';
import { Program } from '../../test/kernel/program.ts';
import { random } from '../../test/random.ts';

const [SUCCESS, EACCES, EFAULT, EINVAL, EIO, ENOTSUP] = [0, 2, 21, 28, 29, 58];
const DATA = 0x100;
const OUT = 0x1000;
const CERTIFICATES = 0x4000;
const SIZE = 0x200;
const NONCE = Uint8Array.from({ length: 64 }, (_, i) => 0xa0 ^ i);

const BUSY = 2n << 32n;
const INVALID_LENGTH = 1n << 32n;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await kernelModule();
});

/** Boots under SNP to the program, and lets `act` be it. */
function asProgram(act: (program: Program) => void, options: Partial<Options> = {}): BareMachine {
  let ran = false;
  const program = (machine: BareMachine) => {
    const side = new Program(machine);
    side.store(DATA, NONCE);
    side.store(OUT, new Uint8Array(0x4a0));
    act(side);
    ran = true;
  };
  const machine = new BareMachine(module, { mode: 'snp', ...options, program });
  const end = machine.run();
  expect({ ran, end }).toEqual({ ran: true, end: { kind: 'exit', code: 0 } });
  return machine;
}

const report = (program: Program, vmpl = 0) => program.import('tacit_report', DATA, vmpl, OUT);

const extended = (program: Program, room = 0x4000) =>
  program.import('tacit_extended_report', DATA, 0, OUT, CERTIFICATES, room, SIZE);

const secrets = ({ machine }: Program) => machine.view(SecretsPage, PLACES.secrets);

const requests = ({ calls }: BareMachine) =>
  calls.filter(({ code }) => code === Event.GUEST_REQUEST || code === Event.EXTENDED_GUEST_REQUEST);

/** The message failed for good: the answer says so, the key is gone, and nothing is said again. */
function expectClosed(program: Program, result: number): void {
  expect(result).toBe(EIO);
  expect(program.bytes(OUT, 0x4a0).every((byte) => byte === 0)).toBe(true);
  expect(secrets(program).vmpck0).toEqual(new Uint8Array(32));
  const before = requests(program.machine).length;
  expect(report(program)).toBe(EIO);
  expect(requests(program.machine)).toHaveLength(before);
}

/** A host whose answers to guest requests `lie` replaces: it gives EXITINFO2. */
function requestLiar(lie: (call: Call, machine: BareMachine, honest: () => void) => void) {
  const hypervisor = new HonestHypervisor();
  const honest = hypervisor.guestRequest.bind(hypervisor);
  hypervisor.guestRequest = (call, machine) => lie(call, machine, () => honest(call, machine));
  return hypervisor;
}

describe('a message to the AMD-SP', () => {
  it('brings a report of the program’s data', () => {
    asProgram((program) => {
      expect(report(program, 2)).toBe(SUCCESS);
      expect(program.bytes(OUT + 0x50, 64)).toEqual(NONCE);
      expect(program.bytes(OUT + 0x30, 1)[0]).toBe(2);
    });
  });

  it('has a sequence number of its own, kept in the secrets page', () => {
    const machine = asProgram((program) => {
      for (const expected of [2, 4, 6]) {
        expect(report(program)).toBe(SUCCESS);
        expect(secrets(program).messageSeqno0).toBe(expected);
      }
    });
    const numbers = machine.hypervisor.psp.seen.map(
      (message) => view(MessageHeader, Uint8Array.from(Buffer.from(message, 'hex'))).sequence,
    );
    expect(numbers).toEqual([1n, 3n, 5n]);
    expect(requests(machine)).toHaveLength(3);
  });

  it('goes on from the number that the secrets page has', () => {
    asProgram((program) => {
      secrets(program).messageSeqno0 = 40;
      program.machine.hypervisor.psp.count = 40n;
      expect(report(program)).toBe(SUCCESS);
      expect(secrets(program).messageSeqno0).toBe(42);
    });
  });

  it('shows the host nothing of what it says', () => {
    const machine = asProgram((program) => expect(report(program)).toBe(SUCCESS));
    const [message] = machine.hypervisor.psp.seen;
    expect(message).not.toContain(Buffer.from(NONCE.subarray(0, 8)).toString('hex'));
  });

  it('brings a derived key, and the TSC’s scale', () => {
    asProgram((program) => {
      const request = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : i < 8 ? 0 : i));
      program.store(DATA, request);
      expect(program.import('tacit_derived_key', DATA, OUT)).toBe(SUCCESS);
      expect(program.bytes(OUT, 32)).toEqual(request);
      expect(program.import('tacit_tsc_info', OUT)).toBe(SUCCESS);
      expect([program.long(OUT), program.long(OUT + 8), program.word(OUT + 16)]).toEqual([
        3n << 32n,
        77n,
        200,
      ]);
    });
  });

  it('is not sent where there is no AMD-SP to read it', () => {
    for (const mode of ['none', 'sev', 'sev-es'] as const) {
      asProgram((program) => expect(report(program), mode).toBe(ENOTSUP), { mode });
    }
  });

  it.each([
    ['AES', Cpuid.ECX_PCLMULQDQ],
    ['carry-less multiplication', Cpuid.ECX_AES],
  ])('is not sent by a CPU without %s', (_, ecx) => {
    const prepare = (machine: BareMachine) => {
      const page = new DataView(machine.memory.page(BigInt(PLACES.cpuid)).buffer, PLACES.cpuid);
      for (let at = 0x10; at < 0x200; at += 0x30) {
        if (page.getUint32(at, true) === 1) page.setUint32(at + 0x20, ecx, true);
      }
    };
    const machine = asProgram((program) => expect(report(program)).toBe(ENOTSUP), { prepare });
    expect(requests(machine)).toEqual([]);
  });

  it('wants its data and its answer in the program’s memory', () => {
    asProgram((program) => {
      expect(program.import('tacit_report', 0x1_ffff, 0, OUT)).toBe(EFAULT);
      expect(program.import('tacit_report', DATA, 0, 0x1_ff00)).toBe(EFAULT);
      expect(program.import('tacit_derived_key', DATA, 0xffff_fff0)).toBe(EFAULT);
      expect(program.import('tacit_tsc_info', 0x1_fff0)).toBe(EFAULT);
      expect(extended(program, 0xffff_ffff)).toBe(SUCCESS);
      expect(requests(program.machine)).toHaveLength(1);
    });
  });

  it('tells what the AMD-SP refuses, and can be followed by another', () => {
    asProgram((program) => {
      expect(report(program, 4)).toBe(EINVAL);
      program.store(DATA, Uint8Array.of(3));
      expect(program.import('tacit_derived_key', DATA, OUT)).toBe(EACCES);
      expect(program.bytes(OUT, 0x4a0).every((byte) => byte === 0)).toBe(true);
      expect(report(program)).toBe(SUCCESS);
    });
  });

  it('does not pass for a report with another status or size than a report has (B25)', () => {
    for (const spoil of [
      (payload: Uint8Array) => payload.set([Status.UNSUPPORTED]),
      (payload: Uint8Array) => payload.set([0x9f], 4),
    ]) {
      asProgram((program) => {
        program.machine.hypervisor.psp.spoilAnswer = spoil;
        expect(report(program)).toBe(EIO);
        expect(program.bytes(OUT, 0x4a0).every((byte) => byte === 0)).toBe(true);
      });
    }
  });
});

describe('a message that the host does not carry (B24)', () => {
  it('is sent again byte for byte while the host is busy', () => {
    const messages: string[] = [];
    const hypervisor = requestLiar((call, machine, honest) => {
      const page = machine.memory.page(call.info1);
      messages.push(Buffer.from(page).toString('hex'));
      page.fill(0x55); // a host that spoils the page does not make us send anything else
      if (messages.length < 4) return hypervisor.answer(call.ghcb, 0n, BUSY);
      page.set(Buffer.from(messages[0] ?? '', 'hex'));
      honest();
    });
    asProgram((program) => expect(report(program)).toBe(SUCCESS), { hypervisor });
    expect(messages).toHaveLength(4);
    expect(new Set(messages).size).toBe(1);
  });

  it('is given up, with its key, when the host stays busy', () => {
    const hypervisor = requestLiar((call) => hypervisor.answer(call.ghcb, 0n, BUSY));
    asProgram(
      (program) => {
        program.machine.tscStep = 1n << 40n;
        expectClosed(program, report(program));
      },
      { hypervisor },
    );
  });

  it('goes without certificates, byte for byte, where there is no room for them', () => {
    const messages: string[] = [];
    const hypervisor = requestLiar((call, machine, honest) => {
      messages.push(Buffer.from(machine.memory.page(call.info1)).toString('hex'));
      if (call.code === Event.GUEST_REQUEST) return honest();
      hypervisor.answer(call.ghcb, 0n, INVALID_LENGTH);
    });
    asProgram(
      (program) => {
        program.storeWords(SIZE, 99);
        expect(extended(program)).toBe(SUCCESS);
        expect(program.word(SIZE)).toBe(0);
        expect(program.bytes(OUT + 0x50, 64)).toEqual(NONCE);
      },
      { hypervisor },
    );
    expect(messages).toHaveLength(2);
    expect(new Set(messages).size).toBe(1);
  });

  it.each([
    ['a status of the AMD-SP', BigInt(Status.INVALID_PARAM)],
    ['a code of the host’s that nobody knows', 3n << 32n],
    ['too little room in a request that asks for no certificates', INVALID_LENGTH],
    ['a firmware call that never was', 0xffff_ffffn],
  ])('takes its key with it for %s', (_, result) => {
    const hypervisor = requestLiar((call) => hypervisor.answer(call.ghcb, 0n, result));
    asProgram((program) => expectClosed(program, report(program)), { hypervisor });
  });

  it('is not written with a key of zeroes, nor beyond the last sequence number', () => {
    asProgram((program) => {
      secrets(program).vmpck0.fill(0);
      expectClosed(program, report(program));
    });
    asProgram((program) => {
      secrets(program).messageSeqno0 = 0xffff_fffe;
      expectClosed(program, report(program));
      expect(requests(program.machine)).toEqual([]);
    });
  });
});

describe('an answer that is not the AMD-SP’s to this message (A19)', () => {
  it.each([
    ['sequence number', (header: Uint8Array) => header.set([4], 0x20)],
    ['algorithm', (header: Uint8Array) => header.set([2], 0x30)],
    ['header version', (header: Uint8Array) => header.set([2], 0x31)],
    ['header size', (header: Uint8Array) => header.set([0x61], 0x32)],
    ['type', (header: Uint8Array) => header.set([4], 0x34)],
    ['message version', (header: Uint8Array) => header.set([2], 0x35)],
    ['size', (header: Uint8Array) => header.set([0xb0], 0x36)],
    ['key', (header: Uint8Array) => header.set([1], 0x3c)],
  ])('is refused for its %s, although it is sealed with the key', (_, spoilHeader) => {
    asProgram((program) => {
      program.machine.hypervisor.psp.spoilHeader = spoilHeader;
      expectClosed(program, report(program));
    });
  });

  it('is refused for any bit that was changed', () => {
    const next = random();
    // Not the second half of the tag's field, nor reserved bytes before what is authenticated.
    const places = [0, 15, 0x20, 0x27, 0x30, 0x5f, 0x60, 0x51f];
    for (const at of places) {
      const hypervisor = requestLiar((call, machine, honest) => {
        honest();
        const page = machine.memory.page(call.info2);
        page[at] = (page[at] ?? 0) ^ (1 << (next() & 7));
      });
      asProgram((program) => expectClosed(program, report(program)), { hypervisor });
    }
  });

  it('is refused if it is the one to the message before', () => {
    let first: Uint8Array | undefined;
    const hypervisor = requestLiar((call, machine, honest) => {
      honest();
      const page = machine.memory.page(call.info2);
      if (first) page.set(first);
      else first = page.slice();
    });
    asProgram(
      (program) => {
        expect(report(program)).toBe(SUCCESS);
        program.store(OUT, new Uint8Array(0x4a0));
        expectClosed(program, report(program));
      },
      { hypervisor },
    );
  });

  it('is read once: what the host writes meanwhile does not matter', () => {
    let reads = 0;
    let response = 0n;
    const hypervisor = requestLiar((call, _, honest) => {
      honest();
      response = call.info2;
    });
    const onSharedLoad = (address: number, machine: BareMachine) => {
      if (response === 0n || BigInt(address) < response || BigInt(address) >= response + 0x1000n)
        return;
      reads++;
      // What was read already is spoilt.
      machine.memory.page(response).fill(0xee, 0, address & 0xfff);
    };
    asProgram((program) => expect(report(program)).toBe(SUCCESS), { hypervisor, onSharedLoad });
    expect(reads).toBe(0x520 / 8);
  });
});

describe('the certificates of an extended report', () => {
  const entry = (guid: number, offset: number, size: number) => [
    ...Uint8Array.from({ length: 16 }, () => guid),
    ...new Uint8Array(Uint32Array.of(offset, size).buffer),
  ];
  const END = entry(0, 0, 0);

  /** What the program gets of what the host puts into the pages: how many bytes count, and those. */
  const given = (table: number[], room = 0x4000) => {
    let asked = { pages: 0n, at: 0n };
    const hypervisor = requestLiar(({ ghcb, code }, machine, honest) => {
      honest();
      if (code !== Event.EXTENDED_GUEST_REQUEST) return;
      asked = { pages: ghcb.rbx, at: ghcb.rax };
      machine.memory.page(ghcb.rax).set(table);
    });
    let size = -1;
    let bytes: Uint8Array = new Uint8Array();
    asProgram(
      (program) => {
        expect(extended(program, room)).toBe(SUCCESS);
        size = program.word(SIZE);
        bytes = program.bytes(CERTIFICATES, size);
      },
      { hypervisor },
    );
    return { asked, size, bytes };
  };

  it('come to the program as the host has them', () => {
    const table = [
      ...entry(7, 72, 3),
      ...entry(9, 80, 4),
      ...END,
      1,
      2,
      3,
      0,
      0,
      0,
      0,
      0,
      4,
      5,
      6,
      7,
    ];
    const { asked, size, bytes } = given(table);
    expect(asked.pages).toBe(4n);
    expect(asked.at & 0xfffn).toBe(0n);
    expect([size, [...bytes]]).toEqual([84, table]);
  });

  it('are as many pages as the program has room for', () => {
    expect(given([...END], 0x2fff).asked.pages).toBe(2n);
    expect(given([...END], 0xfff)).toMatchObject({ asked: { pages: 0n }, size: 0 });
  });

  it.each([
    ['begins beyond the room', [...entry(1, 0x4001, 0), ...END]],
    ['ends beyond the room', [...entry(1, 0x3fff, 2), ...END]],
    ['wraps around', [...entry(1, 0x100, 0xffff_ffff), ...END]],
    ['lies in the table', [...entry(1, 47, 8), ...END]],
  ])('count for nothing if one %s', (_, table) => {
    expect(given(table).size).toBe(0);
  });

  it('count for nothing if their table does not end', () => {
    expect(given(Array.from({ length: 0x1000 }, () => 1)).size).toBe(0);
  });
});
