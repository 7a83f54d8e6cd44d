# What to call for what; the work itself is done in tools/.

.PHONY: all tools core examples run demo test check docs bench bench-compiler fuzz soak clean

all: core examples

# Everything that node needs, exactly as the lockfile says.
node_modules/.package-lock.json: package-lock.json
	npm ci
	touch $@

# Node 20 runs no TypeScript: each entry becomes one file.
tools: node_modules/.package-lock.json
	npx esbuild tacit=tools/cli.ts core=tools/build-core.ts demo=tools/demo/main.ts bench=tools/bench/main.ts bench-compiler=tools/bench/compiler/main.ts bench-v8=tools/bench/compiler/v8-worker.ts --bundle --platform=node --format=esm --target=node20 --packages=external --outdir=build/tools --out-extension:.js=.mjs --log-level=warning

core: tools
	node build/tools/core.mjs

examples: tools
	npx tacit build -c examples/luggage/tacit.json
	npx tacit check-image build/luggage.elf > build/luggage.check
	npx tacit check-image build/luggage.igvm > build/luggage.check

run: all
	npx tacit run build/luggage.igvm

demo: all
	node build/tools/demo.mjs

test: all
	npx vitest run $(VITEST_FLAGS)

check: node_modules/.package-lock.json
	npx biome check --error-on-warnings .
	npx tsc

# The printouts in docs/compiler.md, as the compiler makes them now.
docs: tools
	TACIT_UPDATE=1 npx vitest run test/compiler-doc.test.ts

bench: all
	node build/tools/bench.mjs

# The compiler's code beside V8's and gcc's. WORKLOADS="sieve maps" measures only these.
bench-compiler: tools
	node build/tools/bench-compiler.mjs $(WORKLOADS)

# Generated modules, compiled and run here, against V8. The seed is printed; TACIT_SEED replays it.
fuzz: all
	TACIT_MODULES=2000 npx vitest run --testTimeout=0 test/differential

# The same, and every instruction of the emulator against this processor, at length. Of the modules 500 a process:
# after some thousands V8 takes twice the time for each.
soak: all
	for part in $$(seq 40); do TACIT_MODULES=500 TACIT_CHECK_EVERY=1 npx vitest run --testTimeout=0 test/differential/differential.test.ts || exit; done
	TACIT_WASI_PROGRAMS=all npx vitest run --testTimeout=0 test/wasi-programs.test.ts
	TACIT_ORACLE_CASES=200 npx vitest run --testTimeout=0 tools/emulator/core/oracle.test.ts
	TACIT_CONSISTENCY_PROGRAMS=2000 npx vitest run --testTimeout=0 tools/emulator/core/consistency.test.ts
	TACIT_FLIPS=2000 npx vitest run --testTimeout=0 tools/check/flips.test.ts
	TACIT_PSP_CASES=100000 npx vitest run --testTimeout=0 test/psp-fuzz.test.ts
	TACIT_FUZZ_CASES=100000 npx vitest run --testTimeout=0 test/answers-fuzz.test.ts
	TACIT_MUTATIONS=each npx vitest run --testTimeout=0 test/attacks
	TACIT_STRIDE=1 npx vitest run --testTimeout=0 test/interrupts.test.ts
	TACIT_BOUNDARIES=all npx vitest run --testTimeout=0 test/shared-reads.test.ts test/boundaries.test.ts

clean:
	rm -rf build
