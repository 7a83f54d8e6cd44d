import { readFileSync, readSync, writeSync } from 'node:fs';

/** Holds a module for V8 and answers calls of its `run` by worker.ts's binary protocol. */
const module = new WebAssembly.Module(readFileSync(process.argv[2] ?? ''));
const { run } = new WebAssembly.Instance(module).exports as { run: (n: number) => number };
const bytes = Buffer.alloc(4);
while (readSync(0, bytes) === 4) {
  bytes.writeInt32LE(run(bytes.readInt32LE()));
  writeSync(1, bytes);
}
