import { beforeAll, describe, expect, it } from 'vitest';
import { BareMachine } from '../../test/kernel/machine.ts';
import { kernelModule } from '../../test/kernel/module.ts';
import { Program } from '../../test/kernel/program.ts';

const SIZE = 2 * 0x1_0000;
const [SUCCESS, EBADF, EFAULT, EINVAL, ENOSYS, ESPIPE] = [0, 8, 21, 28, 52, 70];

describe('WASI', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await kernelModule();
  });

  /** Boots to the program, and lets `act` be it. */
  const asProgram = (act: (program: Program) => void) => {
    const program = (machine: BareMachine) => {
      machine.console = '';
      act(new Program(machine));
    };
    const machine = new BareMachine(module, { mode: 'none', program });
    return { end: machine.run(), console: machine.console };
  };

  it('gives the arguments that the manifest names', () => {
    asProgram((program) => {
      expect(program.call('args_sizes_get', 0x100, 0x104)).toBe(SUCCESS);
      expect([program.word(0x100), program.word(0x104)]).toEqual([2, 14]);
      expect(program.call('args_get', 0x200, 0x300)).toBe(SUCCESS);
      expect([program.word(0x200), program.word(0x204)]).toEqual([0x300, 0x308]);
      expect(Buffer.from(program.bytes(0x300, 14)).toString()).toBe('luggage\x0012345\0');
      expect(program.call('environ_sizes_get', 0x100, 0x104)).toBe(SUCCESS);
      expect([program.word(0x100), program.word(0x104)]).toEqual([0, 0]);
      expect(program.call('environ_get', 0x200, 0x300)).toBe(SUCCESS);
    });
  });

  it('writes buffers to the console, in their order', () => {
    const { console } = asProgram((program) => {
      program.store(0x1000, Buffer.from('world\nhello, '));
      program.storeWords(0x100, 0x1006, 7, 0x1000, 6);
      expect(program.call('fd_write', 1, 0x100, 2, 0x200)).toBe(SUCCESS);
      expect(program.word(0x200)).toBe(13);
    });
    expect(console).toBe('hello, world\n');
  });

  it('sends an unfinished line when the program ends', () => {
    const { console, end } = asProgram((program) => {
      program.store(0x1000, Buffer.from('bye'));
      program.storeWords(0x100, 0x1000, 3);
      program.call('fd_write', 2, 0x100, 1, 0x200);
      program.call('proc_exit', 0x107);
    });
    expect(console).toBe('bye');
    expect(end).toEqual({ kind: 'exit', code: 7 });
  });

  it('splits a line longer than the console holds, and loses nothing', () => {
    const text = 'x'.repeat(5000);
    const { console } = asProgram((program) => {
      program.store(0x1000, Buffer.from(text));
      program.storeWords(0x100, 0x1000, text.length);
      expect(program.call('fd_write', 1, 0x100, 1, 0x200)).toBe(SUCCESS);
    });
    expect(console).toBe(text);
  });

  it.each([
    ['a result at the end of memory', 'fd_write', [1, 0x100, 0, SIZE - 3]],
    ['a result that wraps', 'fd_write', [1, 0x100, 0, 0xffff_fffe]],
    ['buffers beyond memory', 'fd_write', [1, SIZE - 4, 1, 0x200]],
    ['sizes beyond memory', 'args_sizes_get', [0x100, SIZE]],
    ['sizes that wrap', 'args_sizes_get', [0xffff_fffd, 0x100]],
    ['pointers beyond memory', 'args_get', [SIZE - 4, 0x300]],
    ['strings beyond memory', 'args_get', [0x200, SIZE - 13]],
    ['a status beyond memory', 'fd_fdstat_get', [1, SIZE - 23]],
  ])('answers EFAULT to %s', (_, name, args) => {
    asProgram((program) => {
      expect(program.call(name, ...args)).toBe(EFAULT);
    });
  });

  it.each([
    ['starts beyond memory', SIZE, 1],
    ['ends beyond memory', SIZE - 8, 9],
    ['wraps', 0xffff_fff0, 0x20],
    ['is all of the address space', 1, 0xffff_ffff],
  ])('answers EFAULT to a buffer that %s, and writes none of it', (_, pointer, bytes) => {
    const { console } = asProgram((program) => {
      program.storeWords(0x100, pointer, bytes);
      expect(program.call('fd_write', 1, 0x100, 1, 0x200)).toBe(EFAULT);
    });
    expect(console).toBe('');
  });

  it('takes 1024 buffers and no more', () => {
    asProgram((program) => {
      expect(program.call('fd_write', 1, 0x2000, 1024, 0x200)).toBe(SUCCESS);
      expect(program.call('fd_write', 1, 0x2000, 1025, 0x200)).toBe(EINVAL);
    });
  });

  it('knows three descriptors and nothing else', () => {
    asProgram((program) => {
      program.storeWords(0x100, 0x1000, 1);
      for (const fd of [0, 3, 0xffff_ffff]) {
        expect(program.call('fd_write', fd, 0x100, 1, 0x200)).toBe(EBADF);
      }
      expect(program.call('fd_read', 0, 0x100, 1, 0x200)).toBe(SUCCESS);
      expect(program.word(0x200)).toBe(0);
      expect(program.call('fd_read', 1, 0x100, 1, 0x200)).toBe(EBADF);
      expect(program.call('fd_seek', 1, 0n, 0, 0x200)).toBe(ESPIPE);
      expect(program.call('fd_tell', 9, 0x200)).toBe(EBADF);
      expect(program.call('fd_close', 2)).toBe(SUCCESS);
      expect(program.call('fd_close', 3)).toBe(EBADF);
      expect(program.call('fd_fdstat_get', 1, 0x200)).toBe(SUCCESS);
      expect(program.bytes(0x200, 1)[0]).toBe(2);
      expect(program.call('fd_prestat_get', 3, 0x200)).toBe(EBADF);
    });
  });

  it.each([
    ['fd_sync', [1]],
    ['path_open', [3, 0, 0, 0, 0, 0n, 0n, 0, 0]],
  ])('answers ENOSYS to %s, which is not built', (name, args) => {
    asProgram((program) => {
      expect(program.call(name, ...args)).toBe(ENOSYS);
    });
  });

  it('has every function of preview1', () => {
    const names = WebAssembly.Module.exports(module)
      .map(({ name }) => name)
      .filter((name) => name.startsWith('wasi_'));
    expect(names).toHaveLength(46);
  });
});
