import { beforeAll, describe, expect, it } from 'vitest';
import { assemble, flagsFor } from '../tools/compiler/assemblyscript.ts';
import { BareMachine } from './kernel/machine.ts';
import { panicked } from './kernel/run.ts';

describe('the kernel ends itself rather than', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    const wasm = await assemble('test/fixtures/misuse-kernel.ts', flagsFor.kernel);
    module = await WebAssembly.compile(wasm);
  });

  it.each([
    ['validate a page of the launch again', 0, 'ALREADY_VALIDATED'],
    ['validate RAM again', 1, 'ALREADY_VALIDATED'],
    ['give up a validation that it gave up', 2, 'NOT_YET_VALIDATED'],
    ['map an address that is mapped', 3, 'MAPPING_CONFLICT'],
    ['unmap an address that is not mapped', 4, 'MAPPING_CONFLICT'],
    ['remap an address that is not mapped', 5, 'MAPPING_CONFLICT'],
    ['begin a request within a request', 6, 'GHCB_BUSY'],
    ['interrupt a request that interrupted a request', 12, 'GHCB_NESTED'],
    ['hand on a frame that is free', 7, 'FRAME_NOT_OWNED'],
    ['hand out a frame of the image', 8, 'FRAME_NOT_OWNED'],
    ['hand out a frame that is no RAM', 9, 'FRAME_NOT_OWNED'],
    ['validate what is no RAM', 10, 'ASSERTION'],
    ['take back a page that it did not lend', 13, 'ASSERTION'],
    ['lend more pages than it can take back', 14, 'ASSERTION'],
    ['hand out more frames than there are', 11, 'OUT_OF_MEMORY'],
  ] as const)('%s', (_, rule, reason) => {
    const imports = { 'misuse-kernel': { rule: () => rule } };
    const map = [{ start: 0x10_0000n, size: 0x70_0000n }];
    expect(new BareMachine(module, { mode: 'snp', imports, map }).run()).toEqual(panicked(reason));
  });
});
