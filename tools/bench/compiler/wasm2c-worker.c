/* Holds what wasm2c made of a workload and answers calls of its `run` by worker.ts's binary protocol. */
#include <stdint.h>
#include <unistd.h>

#include "workload.h"

int main(void) {
  static Z_workload_instance_t instance;
  int32_t n;

  wasm_rt_init();
  Z_workload_init_module();
  Z_workload_instantiate(&instance);
  while (read(0, &n, sizeof n) == sizeof n) {
    n = (int32_t)Z_workloadZ_run(&instance, (u32)n);
    if (write(1, &n, sizeof n) != sizeof n) return 1;
  }
  return 0;
}
