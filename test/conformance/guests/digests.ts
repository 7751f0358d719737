/** What programs/digests.c must print, computed here: IEEE 754 arithmetic of JavaScript, and integers. */

const MASK = (1n << 64n) - 1n;
const scratch = new DataView(new ArrayBuffer(8));

function bitsOf(value: number): bigint {
  scratch.setFloat64(0, value);
  return scratch.getBigUint64(0);
}
const fold = (digest: bigint, value: bigint) =>
  ((digest ^ (value & MASK)) * 0x9e3779b97f4a7c15n + (digest >> 29n)) & MASK;
const foldDoubles = (values: readonly number[]) =>
  values.reduce((digest, value) => fold(digest, bitsOf(value)), BigInt(values.length));

/** MT19937-64. */
class MersenneTwister {
  readonly #words: bigint[];
  #next = 312;

  constructor(seed: bigint) {
    this.#words = [seed];
    for (let i = 1; i < 312; i++) {
      const last = this.#words[i - 1];
      this.#words.push((6364136223846793005n * (last ^ (last >> 62n)) + BigInt(i)) & MASK);
    }
  }
  random(): bigint {
    if (this.#next === 312) this.#twist();
    let x = this.#words[this.#next++];
    x ^= (x >> 29n) & 0x5555555555555555n;
    x ^= (x << 17n) & 0x71d67fffeda60000n;
    x ^= (x << 37n) & 0xfff7eee000000000n;
    return x ^ (x >> 43n);
  }
  #twist(): void {
    const words = this.#words;
    for (let i = 0; i < 312; i++) {
      const x = (words[i] & 0xffffffff80000000n) | (words[(i + 1) % 312] & 0x7fffffffn);
      words[i] = words[(i + 156) % 312] ^ (x >> 1n) ^ (x & 1n ? 0xb5026f5aa96619e9n : 0n);
    }
    this.#next = 0;
  }
  /** [0, 1) */
  double(): number {
    return Number(this.random() >> 11n) * 2 ** -53;
  }
}

function mersenne(rounds: number): bigint {
  const mt = new MersenneTwister(5489n);
  let [digest, sum] = [0n, 0];
  for (let i = 0; i < rounds * 1000; i++) {
    const x = mt.double();
    sum += x * x;
    digest = fold(digest, bitsOf(x));
  }
  return fold(digest, bitsOf(sum));
}

function lu(rounds: number): bigint {
  const mt = new MersenneTwister(1n);
  const size = 24;
  let digest = 0n;
  for (let round = 0; round < rounds; round++) {
    // Each row of the matrix has its right side at its end.
    const rows = Array.from({ length: size }, () =>
      Array.from({ length: size + 1 }, (_, j) => mt.double() - (j < size ? 0.5 : 0)),
    );
    for (let k = 0; k < size; k++) {
      let pivot = k;
      for (let i = k + 1; i < size; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[pivot][k])) pivot = i;
      [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
      for (let i = k + 1; i < size; i++) {
        const factor = rows[i][k] / rows[k][k];
        for (let j = k; j <= size; j++) rows[i][j] -= factor * rows[k][j];
      }
    }
    const solution = rows.map((row) => row[size]);
    for (let i = size - 1; i >= 0; i--) {
      for (let j = i + 1; j < size; j++) solution[i] -= rows[i][j] * solution[j];
      solution[i] /= rows[i][i];
    }
    digest = fold(digest, foldDoubles(solution));
  }
  return digest;
}

function fft(rounds: number): bigint {
  const mt = new MersenneTwister(2n);
  const points = 256;
  let real = Array.from({ length: points }, () => mt.double());
  let imaginary = real.map(() => 0);
  const reversed = (i: number) =>
    Number.parseInt(i.toString(2).padStart(8, '0').split('').reverse().join(''), 2);
  for (let round = 0; round < rounds; round++) {
    const [re, im] = [real, imaginary].map((values) => values.map((_, i) => values[reversed(i)]));
    let [cosine, sine] = [-1, 0];
    for (let half = 1; half < points; half *= 2) {
      for (let start = 0; start < points; start += 2 * half) {
        let [c, s] = [1, 0];
        for (let k = start; k < start + half; k++) {
          const [a, b] = [re[k + half], im[k + half]];
          const [r, i] = [a * c - b * s, a * s + b * c];
          [re[k + half], im[k + half], re[k], im[k]] = [re[k] - r, im[k] - i, re[k] + r, im[k] + i];
          [c, s] = [c * cosine - s * sine, c * sine + s * cosine];
        }
      }
      [cosine, sine] = [Math.sqrt((1 + cosine) / 2), -Math.sqrt((1 - cosine) / 2)];
    }
    [real, imaginary] = [re, im].map((values) => values.map((value) => value / 16));
  }
  return fold(foldDoubles(real), foldDoubles(imaginary));
}

function bodies(rounds: number): bigint {
  const mt = new MersenneTwister(3n);
  const all = Array.from({ length: 5 }, () => {
    const mass = 0.5 + mt.double();
    const axes = Array.from({ length: 3 }, () => [10 * mt.double(), mt.double() - 0.5]);
    return { mass, place: axes.map(([place]) => place), speed: axes.map(([, speed]) => speed) };
  });
  for (let step = 0; step < rounds * 50; step++) {
    for (const [i, a] of all.entries())
      for (const b of all.slice(i + 1)) {
        const way = a.place.map((place, k) => place - b.place[k]);
        const square = way.reduce((sum, distance) => sum + distance * distance, 0.01);
        const pull = 0.001 / (square * Math.sqrt(square));
        for (const [k, distance] of way.entries()) {
          a.speed[k] -= distance * b.mass * pull;
          b.speed[k] += distance * a.mass * pull;
        }
      }
    for (const { place, speed } of all) for (const k of place.keys()) place[k] += 0.001 * speed[k];
  }
  return fold(foldDoubles(all.flatMap(({ place }) => place)), foldDoubles(all.flatMap(({ speed }) => speed)));
}

function vectors(rounds: number): bigint {
  const mt = new MersenneTwister(4n);
  const count = 1024;
  const pixels = Array.from({ length: count + 16 }, () => Number(mt.random() & 0xffn));
  let digest = 0n;
  for (let round = 0; round < rounds * 4; round++) {
    const blurred = new Array<number>(count);
    let products = 0n;
    let total = 0;
    for (let i = 0; i < count; i++) {
      const [here, next] = [pixels[i], pixels[i + 1]];
      const mean = (here + next + 1) >> 1;
      const sum = Math.min(255, mean + (round & 31));
      const value = Math.abs(sum - ((next + 4) >> 3));
      blurred[(i & ~15) + 15 - (i & 15)] = value;
      total += value;
      const difference = (at: number) => pixels[at] - pixels[at + 1];
      if ((i & 15) < 8) products += BigInt(difference(i) * difference(i + 8));
    }
    for (const [i, value] of blurred.entries()) pixels[i] = value;
    digest = fold(digest, BigInt.asUintN(64, BigInt.asIntN(32, products)));
    digest = fold(digest, BigInt(total));
  }
  return pixels.slice(0, count).reduce((sum, value) => fold(sum, BigInt(value)), digest);
}

function halves(rounds: number): bigint {
  const mt = new MersenneTwister(5n);
  let digest = 0n;
  for (let i = 0; i < rounds * 100; i++) {
    const scale = 2 ** -Number(mt.random() & 31n);
    const single = Math.fround((mt.double() - 0.5) * 200000 * scale);
    scratch.setFloat16(0, single);
    digest = fold(digest, BigInt(scratch.getUint16(0)));
    digest = fold(digest, bitsOf(scratch.getFloat16(0)));
    digest = fold(digest, bitsOf(single));
  }
  return digest;
}

const DIGESTS = { mersenne, lu, fft, bodies, vectors, halves };

/** The lines that `digests ROUNDS` prints. */
export const digestLines = (rounds: number): string[] =>
  Object.entries(DIGESTS).map(
    ([name, compute]) => `digest ${name} ${rounds} ${compute(rounds).toString(16).padStart(16, '0')}`,
  );
