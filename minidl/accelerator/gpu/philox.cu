// Random bits by address: Philox 4x64-10.
//
// Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3
// and table 2. Element i of a step is the i-th 16-bit part, low part first, of the stream whose
// block b is the function of the key at counter (b + 1, step, 0, 0).

typedef unsigned long long Word;

const Word M0 = 0xD2E7470EE14C6C93ULL, M1 = 0xCA5A826395121157ULL;
const Word W0 = 0x9E3779B97F4A7C15ULL, W1 = 0xBB67AE8584CAA73BULL;

const int ROUNDS = 10;
const int PARTS = 16;  // 16-bit numbers of a block

// Overwrites a counter with the random bits at its address.
__device__ void philox(Word (&c)[4], Word key0, Word key1)
{
    for (int round = 0; round < ROUNDS; ++round) {
        const Word high0 = __umul64hi(M0, c[0]), low0 = M0 * c[0];
        const Word high1 = __umul64hi(M1, c[2]), low1 = M1 * c[2];
        c[0] = high1 ^ c[1] ^ key0;
        c[1] = low1;
        c[2] = high0 ^ c[3] ^ key1;
        c[3] = low0;
        key0 += W0;
        key1 += W1;
    }
}

// Writes block ``block`` of a key's stream at a step to out, which lies on a multiple of 8 bytes.
__device__ void fill(
    unsigned short* out, long long size, Word key0, Word key1, Word step, Word block)
{
    const long long first = block * PARTS;
    if (first >= size) return;
    Word c[4] = {block + 1, step, 0, 0};
    philox(c, key0, key1);
    if (first + PARTS <= size) {
        Word* words = (Word*)(out + first);
        for (int k = 0; k < 4; ++k) words[k] = c[k];
    } else {
        for (int part = 0; first + part < size; ++part)
            out[first + part] = (unsigned short)(c[part / 4] >> 16 * (part % 4));
    }
}

// Each thread a block of the stream.
extern "C" __global__ void random_bits(
    unsigned short* out, long long size, Word key0, Word key1, Word step)
{
    fill(out, size, key0, key1, step, blockIdx.x * Word(blockDim.x) + threadIdx.x);
}

// The same, of the step that comes ``ahead`` of the one in memory.
extern "C" __global__ void random_bits_ahead(
    unsigned short* out, long long size, Word key0, Word key1, const long long* step, Word ahead)
{
    fill(out, size, key0, key1, *step + ahead, blockIdx.x * Word(blockDim.x) + threadIdx.x);
}
