import { testRow } from './row.ts';
import { attackMemory, CELL } from './victim.ts';

testRow('A2', {
  'writing to a private page': (setting) =>
    attackMemory(setting, {
      act: (host) => host.writeGuest(BigInt(CELL), new Uint8Array(16).fill(0x5a)),
      won: ({ seen }) => seen !== undefined,
    }),
});
