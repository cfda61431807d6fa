// persistent: all launches of a graph in one kernel; each work-group stays from the first step to the last.
//   steps int [step_count, STRIDE]: kind, size_0, size_1, total items, items of a chunk, then the arguments of that kind
//   sync int [2 + 2 * workers, LINE], zeros; zeros again when the kernel ends: how many have arrived, how many have left, and two
//   counters a worker of items that were taken from its share, for even and odd steps. Each has a cache line of its own: cores
//   far from each other take long to hand a line over.
//   -DTIMES: clock ulong [step_count, workers, 2]: what a group's clock says when it begins a step and when it has done its
//   part of it; zeros where the processor has no clock that a kernel can read
//   PARAMETERS, BASES: the memory that steps point into
//   KINDS: for each kind of step a function that reads the arguments out of it and runs the kernel over SHOAL_ITEMS, so that
//   what all items share is computed once a chunk; CASES: for each kind the case that calls it
//   global (workers), local (1, 1, 1); every group must be running at the same time as the others
// Emitted by emit/persistent.cpp, which says where this may be used and why.
#ifndef KERNEL
#define KERNEL persistent
#define STRIDE 8
#define PARAMETERS , __global uchar* base_0
#define BASES base_0
#define KINDS
#define CASES
#endif

#define SHOAL_LONG(low, high) ((long)(uint)(low) | (long)(high) << 32)
// Walks the items of a chunk; item_0 runs fastest.
#define SHOAL_ITEMS                                                                                                        \
    for (int item = first, item_0 = first % size_0, item_1 = first / size_0 % size_1, item_2 = first / size_0 / size_1;    \
         item < last; ++item, ++item_0 == size_0 ? (item_0 = 0, ++item_1 == size_1 ? (item_1 = 0, ++item_2) : 0) : 0)

#define SHOAL_KIND(number)                                                                                                 \
    __attribute__((noinline)) void shoal_kind_##number(__global const int* step, __global uchar* const* bases, const int first, \
                                                       const int last, const int size_0, const int size_1)
KINDS

// Groups meet by a counter, and what one has written before it the others read behind it. The fences of OpenCL 1.2 hold
// only within a group (PoCL's are empty), so these are the processor's, as the compiler has them.
#if defined(__x86_64__) || defined(__aarch64__) || defined(__arm__) || defined(__riscv)
#define SHOAL_BEFORE_MEETING() __atomic_thread_fence(__ATOMIC_RELEASE)
#define SHOAL_AFTER_MEETING() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#else
#define SHOAL_BEFORE_MEETING() mem_fence(CLK_GLOBAL_MEM_FENCE)
#define SHOAL_AFTER_MEETING() mem_fence(CLK_GLOBAL_MEM_FENCE)
#endif

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

#define LINE 32  // ints: 128 bytes, the longest line of the processors we know
#define SHOAL_ARRIVED (&sync[0])
#define SHOAL_LEFT (&sync[LINE])
#define SHOAL_TAKEN(owner, number) (&sync[(2 + 2 * (owner) + ((number)&1)) * LINE])

// Ticks of a clock that runs evenly and is the same on all cores.
#if defined(__x86_64__)
#define SHOAL_CLOCK() __builtin_ia32_rdtsc()
#elif defined(__aarch64__)
inline ulong shoal_clock(void) {
    ulong ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}
#define SHOAL_CLOCK() shoal_clock()
#else
#define SHOAL_CLOCK() 0
#endif
#ifdef TIMES
#define TIMES_PARAMETER , __global ulong* restrict clock
#define SHOAL_STAMP(which) clock[(number * workers + worker) * 2 + which] = SHOAL_CLOCK()
#else
#define TIMES_PARAMETER
#define SHOAL_STAMP(which)
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(__global const int* steps, int step_count, __global volatile int* sync,
                                                                    int workers TIMES_PARAMETER PARAMETERS) {
    __global uchar* const bases[] = {BASES};
    const int worker = get_group_id(0);
    for (int number = 0; number < step_count; ++number) {
        __global const int* step = steps + number * STRIDE;
        SHOAL_STAMP(0);
        const int size_0 = step[1], size_1 = step[2], total = step[3], chunk = step[4];
        *SHOAL_TAKEN(worker, number + 1) = 0;  // nobody looks at it before all have arrived behind this step
        // First what is this worker's own share, so that neighbours in memory stay in its cache; then others'.
        for (int n = 0; n < workers; ++n) {
            const int owner = (worker + n) % workers;
            const int begin = (int)((long)total * owner / workers), end = (int)((long)total * (owner + 1) / workers);
            for (;;) {
                const int first = begin + atomic_add(SHOAL_TAKEN(owner, number), chunk), last = min(first + chunk, end);
                if (first >= end) break;
                switch (step[0]) { CASES }
            }
        }
        SHOAL_STAMP(1);
        SHOAL_BEFORE_MEETING();
        atomic_inc(SHOAL_ARRIVED);
        for (int spins = 0; *SHOAL_ARRIVED < workers * (number + 1); ++spins) {
            if (spins > 1000) SHOAL_YIELD();
        }
        SHOAL_AFTER_MEETING();
    }
    // The last to leave clears what they met in, for the next run.
    if (atomic_inc(SHOAL_LEFT) == workers - 1) {
        for (int n = 0; n < 2 + 2 * workers; ++n) sync[n * LINE] = 0;
    }
}
