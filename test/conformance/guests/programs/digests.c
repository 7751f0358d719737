/*
 * Long numeric checks, each folded into one number that digests.ts computes on its own: by JavaScript's arithmetic on the host, which is
 * IEEE 754's too. Nothing here calls a library, so that the same code runs without one in a guest of KVM.
 */
#include "digests.h"
#include <arm_neon.h>

static uint64_t bits_of(double value)
{
  union { double value; uint64_t bits; } both = { value };
  return both.bits;
}
static uint64_t fold(uint64_t digest, uint64_t value)
{
  return (digest ^ value) * 0x9e3779b97f4a7c15ull + (digest >> 29);
}
static uint64_t fold_doubles(const double *values, unsigned count)
{
  uint64_t digest = count;
  for (unsigned i = 0; i < count; i++) digest = fold(digest, bits_of(values[i]));
  return digest;
}

/* MT19937-64 of Matsumoto and Nishimura (2004), and doubles of 53 bits from it. */
enum { MT_WORDS = 312, MT_MIDDLE = 156 };
static uint64_t mt[MT_WORDS];
static unsigned mt_next;

static void mt_seed(uint64_t seed)
{
  mt[0] = seed;
  for (unsigned i = 1; i < MT_WORDS; i++) mt[i] = 6364136223846793005ull * (mt[i - 1] ^ mt[i - 1] >> 62) + i;
  mt_next = MT_WORDS;
}
static uint64_t mt_random(void)
{
  if (mt_next == MT_WORDS) {
    for (unsigned i = 0; i < MT_WORDS; i++) {
      uint64_t x = (mt[i] & 0xffffffff80000000ull) | (mt[(i + 1) % MT_WORDS] & 0x7fffffffull);
      mt[i] = mt[(i + MT_MIDDLE) % MT_WORDS] ^ x >> 1 ^ (x & 1 ? 0xb5026f5aa96619e9ull : 0);
    }
    mt_next = 0;
  }
  uint64_t x = mt[mt_next++];
  x ^= x >> 29 & 0x5555555555555555ull;
  x ^= x << 17 & 0x71d67fffeda60000ull;
  x ^= x << 37 & 0xfff7eee000000000ull;
  return x ^ x >> 43;
}
static double mt_double(void)
{
  return (double)(mt_random() >> 11) * (1.0 / 9007199254740992.0);
}

static uint64_t mersenne(unsigned rounds)
{
  uint64_t digest = 0;
  double sum = 0;
  mt_seed(5489);
  for (unsigned i = 0; i < rounds * 1000; i++) {
    double x = mt_double();
    sum += x * x;
    digest = fold(digest, bits_of(x));
  }
  return fold(digest, bits_of(sum));
}

/* LU with partial pivoting of a random matrix, then a solution and its residual. */
enum { LU = 24 };
static double matrix[LU][LU], right[LU];

static uint64_t lu(unsigned rounds)
{
  uint64_t digest = 0;
  mt_seed(1);
  for (unsigned round = 0; round < rounds; round++) {
    for (unsigned i = 0; i < LU; i++) {
      for (unsigned j = 0; j < LU; j++) matrix[i][j] = mt_double() - 0.5;
      right[i] = mt_double();
    }
    for (unsigned k = 0; k < LU; k++) {
      unsigned pivot = k;
      for (unsigned i = k + 1; i < LU; i++)
        if (__builtin_fabs(matrix[i][k]) > __builtin_fabs(matrix[pivot][k])) pivot = i;
      for (unsigned j = 0; j < LU; j++) {
        double swap = matrix[k][j];
        matrix[k][j] = matrix[pivot][j];
        matrix[pivot][j] = swap;
      }
      double swap = right[k];
      right[k] = right[pivot];
      right[pivot] = swap;
      for (unsigned i = k + 1; i < LU; i++) {
        double factor = matrix[i][k] / matrix[k][k];
        for (unsigned j = k; j < LU; j++) matrix[i][j] = matrix[i][j] - factor * matrix[k][j];
        right[i] = right[i] - factor * right[k];
      }
    }
    for (int i = LU - 1; i >= 0; i--) {
      for (unsigned j = (unsigned)i + 1; j < LU; j++) right[i] = right[i] - matrix[i][j] * right[j];
      right[i] = right[i] / matrix[i][i];
    }
    digest = fold(digest, fold_doubles(right, LU));
  }
  return digest;
}

/* A Fourier transform of 256 points; the roots of unity by halving angles, with square roots only. */
enum { FFT = 256, FFT_LOG = 8 };
static double real[FFT], imaginary[FFT];

static uint64_t fft(unsigned rounds)
{
  mt_seed(2);
  for (unsigned i = 0; i < FFT; i++) {
    real[i] = mt_double();
    imaginary[i] = 0;
  }
  for (unsigned round = 0; round < rounds; round++) {
    for (unsigned i = 0, j = 0; i < FFT; i++) {
      if (i < j) {
        double swap = real[i];
        real[i] = real[j];
        real[j] = swap;
        swap = imaginary[i];
        imaginary[i] = imaginary[j];
        imaginary[j] = swap;
      }
      unsigned bit = FFT >> 1;
      for (; j & bit; bit >>= 1) j ^= bit;
      j |= bit;
    }
    double cosine = -1, sine = 0;
    for (unsigned half = 1; half < FFT; half <<= 1) {
      for (unsigned start = 0; start < FFT; start += 2 * half) {
        double c = 1, s = 0;
        for (unsigned k = start; k < start + half; k++) {
          double r = real[k + half] * c - imaginary[k + half] * s;
          double i = real[k + half] * s + imaginary[k + half] * c;
          real[k + half] = real[k] - r;
          imaginary[k + half] = imaginary[k] - i;
          real[k] = real[k] + r;
          imaginary[k] = imaginary[k] + i;
          double next = c * cosine - s * sine;
          s = c * sine + s * cosine;
          c = next;
        }
      }
      sine = -__builtin_sqrt((1 - cosine) / 2);
      cosine = __builtin_sqrt((1 + cosine) / 2);
    }
    for (unsigned i = 0; i < FFT; i++) {
      real[i] = real[i] / 16;
      imaginary[i] = imaginary[i] / 16;
    }
  }
  return fold(fold_doubles(real, FFT), fold_doubles(imaginary, FFT));
}

/* Five bodies under their gravity. */
enum { BODIES = 5 };
static double place[BODIES][3], speed[BODIES][3], mass[BODIES];

static uint64_t bodies(unsigned rounds)
{
  mt_seed(3);
  for (unsigned i = 0; i < BODIES; i++) {
    mass[i] = 0.5 + mt_double();
    for (unsigned k = 0; k < 3; k++) {
      place[i][k] = 10 * mt_double();
      speed[i][k] = mt_double() - 0.5;
    }
  }
  for (unsigned step = 0; step < rounds * 50; step++) {
    for (unsigned i = 0; i < BODIES; i++)
      for (unsigned j = i + 1; j < BODIES; j++) {
        double way[3], square = 0.01;
        for (unsigned k = 0; k < 3; k++) {
          way[k] = place[i][k] - place[j][k];
          square = square + way[k] * way[k];
        }
        double pull = 0.001 / (square * __builtin_sqrt(square));
        for (unsigned k = 0; k < 3; k++) {
          speed[i][k] = speed[i][k] - way[k] * mass[j] * pull;
          speed[j][k] = speed[j][k] + way[k] * mass[i] * pull;
        }
      }
    for (unsigned i = 0; i < BODIES; i++)
      for (unsigned k = 0; k < 3; k++) place[i][k] = place[i][k] + 0.001 * speed[i][k];
  }
  return fold(fold_doubles(&place[0][0], 3 * BODIES), fold_doubles(&speed[0][0], 3 * BODIES));
}

/* Integers in vectors: a blur of bytes that saturates, a sum of products, shifts that round, a table of bytes. */
enum { PIXELS = 1024 };
static uint8_t pixels[PIXELS + 16], blurred[PIXELS];

static uint64_t vectors(unsigned rounds)
{
  uint64_t digest = 0;
  mt_seed(4);
  for (unsigned i = 0; i < PIXELS + 16; i++) pixels[i] = (uint8_t)mt_random();
  const uint8x16_t reverse = { 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 };
  for (unsigned round = 0; round < rounds * 4; round++) {
    int32x4_t products = vdupq_n_s32(0);
    for (unsigned i = 0; i < PIXELS; i += 16) {
      uint8x16_t here = vld1q_u8(pixels + i), next = vld1q_u8(pixels + i + 1);
      uint8x16_t mean = vrhaddq_u8(here, next);
      uint8x16_t sum = vqaddq_u8(mean, vdupq_n_u8((uint8_t)(round & 31)));
      int16x8_t low = vreinterpretq_s16_u16(vsubl_u8(vget_low_u8(here), vget_low_u8(next)));
      int16x8_t high = vreinterpretq_s16_u16(vsubl_u8(vget_high_u8(here), vget_high_u8(next)));
      products = vmlal_s16(products, vget_low_s16(low), vget_low_s16(high));
      products = vmlal_s16(products, vget_high_s16(low), vget_high_s16(high));
      vst1q_u8(blurred + i, vqtbl1q_u8(vabdq_u8(sum, vrshrq_n_u8(next, 3)), reverse));
    }
    for (unsigned i = 0; i < PIXELS; i++) pixels[i] = blurred[i];
    digest = fold(digest, (uint64_t)(int64_t)vaddvq_s32(products));
    uint64x2_t total = vdupq_n_u64(0);
    for (unsigned i = 0; i < PIXELS; i += 16) total = vpadalq_u32(total, vpaddlq_u16(vpaddlq_u8(vld1q_u8(blurred + i))));
    digest = fold(digest, vaddvq_u64(total));
  }
  for (unsigned i = 0; i < PIXELS; i++) digest = fold(digest, pixels[i]);
  return digest;
}

/* To half precision and back, of all magnitudes, and from single precision with its rounding. */
static uint64_t halves(unsigned rounds)
{
  uint64_t digest = 0;
  mt_seed(5);
  for (unsigned i = 0; i < rounds * 100; i++) {
    double scale = 1;
    for (unsigned k = (unsigned)(mt_random() & 31); k > 0; k--) scale = scale * 0.5;
    float single = (float)((mt_double() - 0.5) * 200000.0 * scale);
    float16x4_t packed = vcvt_f16_f32(vdupq_n_f32(single));
    uint16_t half = vget_lane_u16(vreinterpret_u16_f16(packed), 0);
    float back = vgetq_lane_f32(vcvt_f32_f16(packed), 1);
    digest = fold(digest, half);
    digest = fold(digest, bits_of((double)back));
    digest = fold(digest, bits_of((double)single));
  }
  return digest;
}

const struct digest digests[DIGESTS] = {
  { "mersenne", mersenne }, { "lu", lu }, { "fft", fft }, { "bodies", bodies }, { "vectors", vectors }, { "halves", halves },
};
