// What CUDA C++ needs to be compiled for the CPU, one thread after the other.
//
// It includes nothing, so that a kernel compiles in a moment, unless the kernel's threads wait for
// each other (WAITS): then each has a stack of its own, and is left where it waits.

#define __global__
#define __device__ inline
#define __shared__ static
#define __launch_bounds__(threads)

struct Index { unsigned x, y, z; };
static Index threadIdx, blockIdx, blockDim, gridDim;

static void run_thread();  // the kernel, on its arguments

// While there is one, numbers too small to be normal are 0, if that is wanted.
struct Flags {
#ifdef __x86_64__
    const unsigned before = __builtin_ia32_stmxcsr();
    Flags(bool flush) { if (flush) __builtin_ia32_ldmxcsr(before | 0x8040); }
    ~Flags() { __builtin_ia32_ldmxcsr(before); }
#else
    Flags(bool) {}
#endif
};

#ifdef WAITS
#include <setjmp.h>
#include <ucontext.h>

static const int MOST = 1024, STACK = 1 << 15, WARP = 32;
static char stacks[MOST][STACK];
static jmp_buf places[MOST], scheduler;
static ucontext_t beginnings[MOST], unused;
static enum State { NEW, WAITING, WAITING_IN_WARP, DONE } states[MOST];
static int current;

static inline void stop(State state)
{
    states[current] = state;
    if (_setjmp(places[current]) == 0) _longjmp(scheduler, 1);
}

static inline void __syncthreads() { stop(WAITING); }
static inline void __syncwarp() { stop(WAITING_IN_WARP); }

static void begin()
{
    run_thread();
    states[current] = DONE;
    _longjmp(scheduler, 1);
}

// So many of some threads are in a state: true if that is none or all.
static bool alike(State state, int first, int end, bool& all)
{
    int found = 0;
    for (int k = first; k < end; ++k) found += states[k] == state;
    all = found == end - first;
    return all || found == 0;
}

// Runs a block's threads, each up to where it waits, then each up to where it waits next; of those
// that wait in their warp, no other warp's threads run in between.
// Whether all of them waited as often as each other.
static bool run_block(bool backwards)
{
    static int count, warps, warp, first, end, turn;
    static bool again, in_warp;
    count = blockDim.x * blockDim.y * blockDim.z;
    warps = (count + WARP - 1) / WARP;
    for (int k = 0; k < count; ++k) {
        states[k] = NEW;
        getcontext(&beginnings[k]);
        beginnings[k].uc_stack.ss_sp = stacks[k];
        beginnings[k].uc_stack.ss_size = STACK;
        beginnings[k].uc_link = &unused;
        makecontext(&beginnings[k], begin, 0);
    }
    do {
        for (warp = 0; warp < warps; ++warp) {
            first = WARP * (backwards ? warps - 1 - warp : warp);
            end = first + WARP < count ? first + WARP : count;
            do {
                for (turn = first; turn < end; ++turn) {
                    current = backwards ? first + end - 1 - turn : turn;
                    if (states[current] == DONE) return false;
                    threadIdx.x = current % blockDim.x;
                    threadIdx.y = current / blockDim.x % blockDim.y;
                    threadIdx.z = current / (blockDim.x * blockDim.y);
                    if (_setjmp(scheduler) == 0) {
                        if (states[current] == NEW) setcontext(&beginnings[current]);
                        _longjmp(places[current], 1);
                    }
                }
                if (!alike(WAITING_IN_WARP, first, end, in_warp)) return false;
            } while (in_warp);
        }
        if (!alike(WAITING, 0, count, again)) return false;
    } while (again);
    return true;
}
#else
static bool run_block(bool backwards)
{
    const int count = blockDim.x * blockDim.y * blockDim.z;
    for (int turn = 0; turn < count; ++turn) {
        const int current = backwards ? count - 1 - turn : turn;
        threadIdx.x = current % blockDim.x;
        threadIdx.y = current / blockDim.x % blockDim.y;
        threadIdx.z = current / (blockDim.x * blockDim.y);
        run_thread();
    }
    return true;
}
#endif

// CUDA overloads C's functions by the type of their argument.
#define ONE(name) \
    static inline float name(float x) { return __builtin_##name##f(x); } \
    static inline double name(double x) { return __builtin_##name(x); }
#define TWO(name) \
    static inline float name(float x, float y) { return __builtin_##name##f(x, y); } \
    static inline double name(double x, double y) { return __builtin_##name(x, y); }
ONE(fabs) ONE(sqrt) ONE(cbrt) ONE(ceil) ONE(floor) ONE(trunc) ONE(rint)
ONE(exp) ONE(exp2) ONE(expm1) ONE(log) ONE(log10) ONE(log1p) ONE(log2)
ONE(sin) ONE(cos) ONE(tan) ONE(asin) ONE(acos) ONE(atan)
ONE(sinh) ONE(cosh) ONE(tanh) ONE(asinh) ONE(acosh) ONE(atanh)
TWO(pow) TWO(atan2) TWO(copysign) TWO(fmax) TWO(fmin) TWO(hypot)
#undef ONE
#undef TWO

static inline bool isfinite(float x) { return __builtin_isfinite(x); }
static inline bool isfinite(double x) { return __builtin_isfinite(x); }

static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b)
{
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}
