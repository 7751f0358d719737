/* Floating point of two kinds: five bodies in doubles, one after the other, and matrices of floats, four lanes at a time. */
#include <arm_neon.h>

#include "kernel.h"

#define BODIES 5
#define SIZE 64

static struct body {
  double x, y, z, vx, vy, vz, mass;
} bodies[BODIES];

static float left[SIZE][SIZE], right[SIZE][SIZE], product[SIZE][SIZE];

static double square_root(double of)
{
  double root;
  asm("fsqrt %d0, %d1" : "=w"(root) : "w"(of));
  return root;
}

static void advance(double dt)
{
  for (u32 i = 0; i < BODIES; i++)
    for (u32 j = i + 1; j < BODIES; j++) {
      struct body *a = &bodies[i], *b = &bodies[j];
      double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
      double squared = dx * dx + dy * dy + dz * dz + 0.01;
      double force = dt / (squared * square_root(squared));
      a->vx -= dx * b->mass * force, a->vy -= dy * b->mass * force, a->vz -= dz * b->mass * force;
      b->vx += dx * a->mass * force, b->vy += dy * a->mass * force, b->vz += dz * a->mass * force;
    }
  for (u32 i = 0; i < BODIES; i++) {
    struct body *body = &bodies[i];
    body->x += dt * body->vx, body->y += dt * body->vy, body->z += dt * body->vz;
  }
}

static u64 bits(double of)
{
  return ((union { double number; u64 word; }){ of }).word;
}

u64 bodies_after(u32 steps)
{
  for (u32 i = 0; i < BODIES; i++)
    bodies[i] = (struct body){ 1.0 + i, 0.5 * i, 0.25 * (i % 3), 0.1 * i, 0.2 - 0.1 * i, 0.05, 1.0 / (1 + i) };
  for (u32 step = 0; step < steps; step++)
    advance(0.001);
  u64 sum = 0;
  for (u32 i = 0; i < BODIES; i++)
    sum = sum * 31 + (bits(bodies[i].x) ^ bits(bodies[i].vy));
  return sum;
}

static void multiply(void)
{
  for (u32 row = 0; row < SIZE; row++)
    for (u32 column = 0; column < SIZE; column += 8) {
      float32x4_t low = vdupq_n_f32(0), high = vdupq_n_f32(0);
      for (u32 k = 0; k < SIZE; k++) {
        float32x4_t factor = vdupq_n_f32(left[row][k]);
        low = vfmaq_f32(low, factor, vld1q_f32(&right[k][column]));
        high = vmlaq_f32(high, factor, vld1q_f32(&right[k][column + 4]));
      }
      vst1q_f32(&product[row][column], low);
      vst1q_f32(&product[row][column + 4], high);
    }
}

u64 matrices_after(u32 products)
{
  for (u32 row = 0; row < SIZE; row++)
    for (u32 column = 0; column < SIZE; column++) {
      left[row][column] = (float)((row * 7 + column) % 13) / 64;
      right[row][column] = (float)((row + column * 5) % 11) / 256;
    }
  for (u32 n = 0; n < products; n++) {
    multiply();
    for (u32 row = 0; row < SIZE; row++)
      for (u32 column = 0; column < SIZE; column += 4) {
        float32x4_t half = vmulq_f32(vld1q_f32(&product[row][column]), vdupq_n_f32(0.5f));
        vst1q_f32(&left[row][column], vaddq_f32(half, vdupq_n_f32(0.125f)));
      }
  }
  u64 sum = 0;
  for (u32 row = 0; row < SIZE; row++)
    for (u32 column = 0; column < SIZE; column += 2)
      sum = sum * 31 + vget_lane_u64(vreinterpret_u64_f32(vld1_f32(&left[row][column])), 0);
  return sum;
}
