import wabt from 'wabt';

const parser = await wabt();

/** Features that the text may use: WebAssembly 2.0, and the later ones that the compiler takes. */
const features = {
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  multi_value: true,
  bulk_memory: true,
  reference_types: true,
  simd: true,
  threads: true,
  tail_call: true,
  extended_const: true,
};

/** The binary of a module in the text format. It is not validated: tests want invalid ones too. */
export function wat(text: string): Uint8Array<ArrayBuffer> {
  // Given a string, wabt would take its characters for bytes.
  const module = parser.parseWat('test.wat', new TextEncoder().encode(text), features);
  try {
    return Uint8Array.from(module.toBinary({ write_debug_names: true }).buffer);
  } finally {
    module.destroy();
  }
}
