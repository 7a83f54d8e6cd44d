import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../test/random.ts';
import { witness } from '../../test/witness.ts';
import { buildImage } from '../image/build.ts';
import { readManifest } from '../image/manifest.ts';
import { root } from '../root.ts';
import { checkImage, readProgram } from './check.ts';
import { loadSegments } from './elf-file.ts';
import type { CodeFunction } from './program.ts';

/** Bytes to change; `make soak` asks for more. */
const FLIPS = Number(process.env.TACIT_FLIPS ?? 25);
/** The longest instruction, and enough after it to be in step again. */
const WINDOW = 32;

let image: Uint8Array;
let functions: readonly CodeFunction[];
beforeAll(async () => {
  image = (await buildImage(readManifest(join(root, 'examples/luggage/tacit.json')))).elf;
  functions = readProgram(image).functions.filter(
    ({ compartment }) => compartment.kind === 'sandbox',
  );
});

/** Where in the file an address of the program lies. */
function offsetOf(address: number): number {
  const segment = loadSegments(image).find(
    ({ virtual, bytes }) => address >= virtual && address < virtual + bytes.length,
  );
  if (!segment) throw new Error(`the image has nothing at ${address}`);
  return segment.bytes.byteOffset - image.byteOffset + address - segment.virtual;
}

interface Line {
  readonly offset: number;
  readonly text: string;
}

/** What objdump makes of bytes. */
function disassemble(objdump: string, code: Uint8Array): Line[] {
  const folder = mkdtempSync(join(tmpdir(), 'tacit-flip-'));
  try {
    const file = join(folder, 'code');
    writeFileSync(file, code);
    const flags = ['-D', '-b', 'binary', '-m', 'i386:x86-64', '-M', 'intel', '--no-show-raw-insn'];
    const { stdout } = spawnSync(objdump, [...flags, file], { encoding: 'utf8' });
    return [...stdout.matchAll(/^ *([0-9a-f]+):\t(.*)$/gm)].map(([, at, text]) => ({
      offset: Number.parseInt(at ?? '', 16),
      text: (text ?? '').trim(),
    }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * What follows from the address of an instruction up to where a changed code is in step with the original:
 * the instructions that are not what they were.
 */
function changed(before: readonly Line[], after: readonly Line[]): string[] {
  const old = new Map(before.map(({ offset, text }) => [offset, text]));
  return after.filter(({ offset, text }) => old.get(offset) !== text).map(({ text }) => text);
}

/** Instructions that no compartment has any business with. */
const FORBIDDEN =
  /^(rep\w* )?(in|out|ins|outs|hlt|cli|sti|std|popf|iret|int|syscall|sysenter|sysret|rdmsr|wrmsr|cpuid|rdtsc|vmmcall|vmgexit|lgdt|lidt|ltr|lldt|invlpg|wbinvd|invd|swapgs|clac|stac|xsetbv|mov +[cd]r)\b/;
/** Memory of the sandbox, of the frame, or of the program's own data: all that it may name. */
const OWN =
  /\[(r14|rsp|rip)\b|^(lea|nop)\b|^(cmp|call|jmp|mov|movsxd) .*\[\w+(\+\w+)?\*?\d?[+-]0x[0-9a-f]+\]/;

/** What is wrong with an instruction by the looks of it, as far as that can be told. */
function judge(text: string): string | undefined {
  if (FORBIDDEN.test(text)) return 'is privileged';
  if (/\b[cdefgs]s:/.test(text) && !/\b(es:\[rdi\]|ds:\[rsi\])/.test(text)) return 'has a segment';
  return text.includes('[') && !OWN.test(text) ? 'names other memory' : undefined;
}

const objdump = witness('objdump');

describe('one byte of the program in an image changed', () => {
  it.skipIf(!objdump)(
    'is refused, or nothing that the rules forbid (objdump)',
    { timeout: 3_600_000 },
    () => {
      const next = random();
      const bytes = functions.reduce((sum, { start, end }) => sum + end - start, 0);
      let refused = 0;
      for (let i = 0; i < FLIPS; i++) {
        let at = next() % bytes;
        const fn = functions.find(({ start, end }) => {
          at -= end - start;
          return at < 0;
        }) as CodeFunction;
        const address = fn.end + at;
        const file = image.slice();
        const offset = offsetOf(address);
        file[offset] = (file[offset] ?? 0) ^ (1 + (next() % 255));
        if (checkImage(file).violations.length > 0) {
          refused++;
          continue;
        }
        const from = offset - (address - fn.start);
        const end = Math.min(offset + WINDOW, from + fn.end - fn.start);
        const lines = [image, file].map((each) =>
          disassemble(objdump ?? '', each.slice(from, end)),
        );
        // Padding that nothing leads to may become anything.
        const original = lines[0]?.findLast((each) => each.offset <= offset - from);
        if (/\bnop\b/.test(original?.text ?? 'nop')) continue;
        const wrong = changed(lines[0] ?? [], lines[1] ?? [])
          .slice(0, 1)
          .flatMap((text) => (judge(text) ? [`${fn.name}: ${text} ${judge(text)}`] : []));
        expect(wrong, next.seed).toEqual([]);
      }
      console.log(`${next.seed}: ${refused} of ${FLIPS} changed bytes are refused`);
      expect(refused, next.seed).toBeGreaterThan(FLIPS / 4);
    },
  );
});
