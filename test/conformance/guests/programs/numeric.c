/* Floating-point and SIMD arithmetic folded into one number, the same wherever it runs: in Linux, under Xen, in a guest of KVM. */
#include "numeric.h"
#include <arm_neon.h>

static uint64_t state;

static uint64_t random64(void)
{
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static uint64_t bits_of(double value)
{
  union { double value; uint64_t bits; } both = { value };
  return both.bits;
}

static uint64_t fold(uint64_t digest, uint64_t value)
{
  return (digest ^ value) * 0x9e3779b97f4a7c15ull + (digest >> 29);
}

static uint64_t scalar(uint64_t digest)
{
  double x = (double)(int64_t)random64() / 1048576.0;
  double y = (double)(random64() >> 11) + 0.5;
  float f = (float)x;
  double root = __builtin_sqrt(__builtin_fabs(x));
  double quotient = x / y;
  double fused = __builtin_fma(x, y, -root);
  f = f * 1.0000001f + (float)quotient;
  digest = fold(digest, bits_of(root));
  digest = fold(digest, bits_of(quotient));
  digest = fold(digest, bits_of(fused));
  digest = fold(digest, bits_of((double)f));
  digest = fold(digest, (uint64_t)(int64_t)__builtin_trunc(quotient * 65536.0));
  digest = fold(digest, bits_of(__builtin_rint(root)));
  return fold(digest, (uint64_t)(x < y) | (uint64_t)(quotient > 0.25) << 1);
}

static uint64_t vectors(uint64_t digest)
{
  uint64x2_t a = { random64(), random64() };
  uint64x2_t b = { random64(), random64() };
  uint8x16_t bytes = vreinterpretq_u8_u64(a);
  uint8x16_t others = vreinterpretq_u8_u64(b);
  uint16x8_t products = vmull_u8(vget_low_u8(bytes), vget_high_u8(others));
  uint8x16_t sums = vqaddq_u8(bytes, others);
  uint8x16_t looked_up = vqtbl1q_u8(sums, vandq_u8(others, vdupq_n_u8(31)));
  int32x4_t shifted = vqshlq_s32(vreinterpretq_s32_u8(looked_up), vreinterpretq_s32_u8(vshrq_n_u8(bytes, 3)));
  float32x4_t floats = vcvtq_f32_s32(vreinterpretq_s32_u16(products));
  floats = vfmaq_f32(floats, vrecpeq_f32(vabsq_f32(floats)), vdupq_n_f32(3.25f));
  float64x2_t doubles = vsqrtq_f64(vcvtq_f64_u64(vshrq_n_u64(a, 20)));
  doubles = vdivq_f64(doubles, vaddq_f64(vcvtq_f64_u64(vshrq_n_u64(b, 40)), vdupq_n_f64(1.0)));
  digest = fold(digest, vgetq_lane_u64(vreinterpretq_u64_u16(products), 1));
  digest = fold(digest, vgetq_lane_u64(vreinterpretq_u64_u8(sums), 0));
  digest = fold(digest, vgetq_lane_u64(vreinterpretq_u64_u8(looked_up), 1));
  digest = fold(digest, vgetq_lane_u64(vreinterpretq_u64_s32(shifted), 0));
  digest = fold(digest, vgetq_lane_u64(vreinterpretq_u64_f32(floats), 1));
  digest = fold(digest, vgetq_lane_u64(vreinterpretq_u64_f64(doubles), 0));
  return fold(digest, vaddvq_u8(vcntq_u8(looked_up)));
}

uint64_t numeric_digest(unsigned rounds)
{
  uint64_t digest = 0x243f6a8885a308d3ull;
  state = 0x13198a2e03707344ull;
  for (unsigned i = 0; i < rounds; i++) digest = vectors(scalar(digest));
  return digest;
}
