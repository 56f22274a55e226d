// Sums and largest elements: what a thread has found, and what the threads of a block have together.

template <typename T> struct Sum {
    T value = 0;

    __device__ void add(T x, long long) { value += x; }
    __device__ void merge(const Sum& other) { value += other.value; }
};

// Of equal ones the first counts, and a NaN before all others.
template <typename T> struct Largest {
    T value = 0;
    long long place = -1;  // none yet

    __device__ void add(T x, long long at)
    {
        const bool odd = x != x, was_odd = value != value;
        const bool earlier = at < place;
        if (place < 0 || (odd ? !was_odd || earlier : !was_odd && (x > value || (x == value && earlier)))) {
            value = x;
            place = at;
        }
    }
    __device__ void merge(const Largest& other)
    {
        if (other.place >= 0) add(other.value, other.place);
    }
};

// What so many threads have together, a power of 2: those whose numbers are ``step`` apart.
//
// ``thread`` is this one's number in the block, ``place`` the one among those; the first of them
// gets the result. All threads of the block call it, and wait before they do so again.
template <typename A>
__device__ A together(const A& own, A* shared, unsigned thread, unsigned place, unsigned step,
                      unsigned count)
{
    shared[thread] = own;
    for (unsigned half = count / 2; half; half /= 2) {
        // Threads of one warp wait for each other alone.
        if (half * step < 32) __syncwarp();
        else __syncthreads();
        if (place < half) shared[thread].merge(shared[thread + half * step]);
    }
    return shared[thread];
}
