// persistent: all launches of a graph in one kernel; each work-group stays from the first step to the last.
//   steps int [step_count, STRIDE]: kind, size_0, size_1, total items, items of a chunk, then the arguments of that kind
//   sync int [2 + step_count * workers], zeros; zeros again when the kernel ends
//   PARAMETERS, BASES: the memory that steps point into; CASES: for each kind a case that runs its kernel over SHOAL_ITEMS
//   global (workers), local (1, 1, 1); every group must be running at the same time as the others
// Emitted by emit/persistent.cpp, which says where this may be used and why.
#ifndef KERNEL
#define KERNEL persistent
#define STRIDE 8
#define PARAMETERS , __global uchar* base_0
#define BASES base_0
#define CASES
#endif

#define SHOAL_LONG(low, high) ((long)(uint)(low) | (long)(high) << 32)
// Walks the items of a chunk; item_0 runs fastest.
#define SHOAL_ITEMS                                                                                                        \
    for (int item = first, item_0 = first % size_0, item_1 = first / size_0 % size_1, item_2 = first / size_0 / size_1;    \
         item < last; ++item, ++item_0 == size_0 ? (item_0 = 0, ++item_1 == size_1 ? (item_1 = 0, ++item_2) : 0) : 0)

// While a group waits for one whose thread is not running, it lets go of its processor: sched_yield, as the system call
// that it is, since a kernel can call no library.
#if defined(__linux__) && defined(__x86_64__)
#define SHOAL_YIELD()                                                                    \
    do {                                                                                 \
        long number = 24;                                                                \
        __asm__ volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");           \
    } while (0)
#elif defined(__linux__) && defined(__aarch64__)
#define SHOAL_YIELD() __asm__ volatile("mov x8, #124\n svc #0" : : : "x0", "x8", "memory")
#elif defined(__linux__) && defined(__arm__)
#define SHOAL_YIELD() __asm__ volatile("push {r7}\n mov r7, #158\n svc #0\n pop {r7}" : : : "r0", "memory")
#else
#define SHOAL_YIELD()
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(__global const int* steps, int step_count, __global volatile int* sync,
                                                                    int workers PARAMETERS) {
    __global uchar* const bases[] = {BASES};
    const int worker = get_group_id(0);
    for (int number = 0; number < step_count; ++number) {
        __global const int* step = steps + number * STRIDE;
        const int size_0 = step[1], size_1 = step[2], total = step[3], chunk = step[4];
        // First what is this worker's own share, so that neighbours in memory stay in its cache; then others'.
        for (int n = 0; n < workers; ++n) {
            const int owner = (worker + n) % workers;
            const int begin = (int)((long)total * owner / workers), end = (int)((long)total * (owner + 1) / workers);
            for (;;) {
                const int first = begin + atomic_add(&sync[2 + number * workers + owner], chunk), last = min(first + chunk, end);
                if (first >= end) break;
                switch (step[0]) { CASES }
            }
        }
        mem_fence(CLK_GLOBAL_MEM_FENCE);
        atomic_inc(&sync[0]);
        for (int spins = 0; sync[0] < workers * (number + 1); ++spins) {
            if (spins > 1000) SHOAL_YIELD();
        }
        mem_fence(CLK_GLOBAL_MEM_FENCE);
    }
    // The last to leave clears what they met in, for the next run.
    if (atomic_inc(&sync[1]) == workers - 1) {
        for (int n = 0; n < 2 + step_count * workers; ++n) sync[n] = 0;
    }
}
