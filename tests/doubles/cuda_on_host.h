// What CUDA C++ needs to be compiled for the CPU, one thread after the other.
//
// It includes nothing, so that a kernel compiles in a moment. A kernel whose threads wait for each
// other does not compile: there is no __syncthreads here.

#define __global__
#define __device__ static inline
#define __forceinline__

struct Index { unsigned x, y, z; };
static Index threadIdx, blockIdx, blockDim, gridDim;

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
