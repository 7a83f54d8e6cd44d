import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assembleModule, flagsFor } from '../../compiler/assemblyscript.ts';
import { compile } from '../../compiler/compile.ts';
import { bindKernel } from '../../compiler/link/bind.ts';
import type { BuiltKernel } from '../../image/build.ts';
import { root } from '../../root.ts';

/** Ours, and the one that it is held against. */
export type Way = 'tacit' | 'linux';

const KERNEL = 'tools/bench/guest/kernel/main';

/**
 * Modules of the kernel, and what is in their places in the other way's kernel. All else is the same: what
 * handles #VC, for one, which does less there than Linux's handler.
 */
const LINUX: Readonly<Record<string, string>> = {
  'kernel/sev/psc.ts': 'linux-psc',
  'kernel/sev/port.ts': 'linux-port',
  'kernel/sev/msr-request.ts': 'linux-msr-request',
  'kernel/crypto/aes.ts': 'software-aes',
  'kernel/crypto/ghash.ts': 'software-ghash',
};

/** A handler of interrupts that writes MSRs by WRMSR takes #VC, which none of ours does. */
const NESTED_VC = { file: 'kernel/sev/vc.ts', text: 'if (nested) die(Reason.VC_NESTED);' };

/** The kernel of the benchmarks, which no shipped image has anything of. */
export async function buildBenchKernel(way: Way): Promise<BuiltKernel> {
  const sources = way === 'linux' ? linuxSources() : new Map<string, string>();
  const { wasm, sourceMap } = await assembleModule(`${KERNEL}.ts`, {
    flags: flagsFor.kernel,
    sources,
  });
  const options = { instance: 'kernel', mode: 'base0', cpu: 'x86-64', bind: bindKernel } as const;
  return { object: compile(wasm, options), sourceMap };
}

/** Each module as one that only passes on what another has: asc adds the extension. */
function linuxSources(): Map<string, string> {
  const sources = new Map(
    Object.entries(LINUX).map(([module, other]) => [
      module,
      `export * from '../../tools/bench/guest/kernel/${other}';\n`,
    ]),
  );
  const { file, text } = NESTED_VC;
  const parts = readFileSync(join(root, file), 'utf8').split(text);
  if (parts.length !== 2) throw new RangeError(`${file} has ${parts.length - 1} times: ${text}`);
  return sources.set(file, parts.join(''));
}
